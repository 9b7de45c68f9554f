import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { Plan, PlanStep, Stage, StepResult } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import type { Progress, RunInput, StageProgress } from './messages.js';

/** Counts steps by stage as they begin and end, for the `progress` query, the current details and the search attributes. */
export class Tracker {
  private readonly byStage = new Map<Stage, StageProgress>();
  private stage: Stage | undefined;

  constructor(private readonly input: RunInput) {}

  /** Stages in the order in which the plan first comes to them. */
  plan({ steps }: Plan): void {
    this.byStage.clear();
    this.stage = undefined;
    for (const { stage, result } of steps) {
      const entry = this.byStage.get(stage) ?? {
        stage,
        steps: 0,
        done: 0,
        running: [],
        reused: 0,
        rowsIn: 0,
        rowsOut: 0,
        quarantined: 0,
      };
      entry.steps += 1;
      this.byStage.set(stage, entry);
      if (result !== undefined) this.count(entry, result);
    }
  }

  begin(step: PlanStep): void {
    this.of(step).running.push(step.id);
    // Stages overlap: the latest one counts, or each step would write an event of its own.
    const stages = [...this.byStage.keys()];
    if (this.stage !== undefined && stages.indexOf(step.stage) <= stages.indexOf(this.stage)) return;
    this.stage = step.stage;
    upsertSearchAttributes([{ key: ATTRIBUTES.stage, value: step.stage }]);
    setCurrentDetails(this.markdown());
  }

  /** Tells how many partitions of a step there are, or that so many more are done. */
  partitions(step: PlanStep, count: { all?: number; done?: number }): void {
    const entry = this.of(step);
    entry.partitions = {
      all: (entry.partitions?.all ?? 0) + (count.all ?? 0),
      done: (entry.partitions?.done ?? 0) + (count.done ?? 0),
    };
  }

  end(step: PlanStep, result: StepResult): void {
    const entry = this.of(step);
    entry.running = entry.running.filter((id) => id !== step.id);
    this.count(entry, result);
    setCurrentDetails(this.markdown());
  }

  private count(entry: StageProgress, { reused, rowsIn, rowsOut, quarantine }: StepResult): void {
    entry.done += 1;
    if (reused) entry.reused += 1;
    entry.rowsIn += rowsIn;
    entry.rowsOut += rowsOut;
    entry.quarantined += quarantine?.rows ?? 0;
  }

  progress(): Progress {
    const { request, run, logicalTime } = this.input;
    return { pipeline: request.pipeline, run, logicalTime, stages: [...this.byStage.values()] };
  }

  private of({ stage }: PlanStep): StageProgress {
    const entry = this.byStage.get(stage);
    if (entry === undefined) throw new Error(`stage ${stage} is not in the plan`);
    return entry;
  }

  private markdown(): string {
    const rows = [...this.byStage.values()].map(
      ({ stage, steps, done, reused, rowsOut, quarantined }) =>
        `| ${stage} | ${done}/${steps} | ${reused} | ${rowsOut} | ${quarantined} |`,
    );
    return ['| stage | steps | reused | rows | quarantined |', '|---|---|---|---|---|', ...rows].join('\n');
  }
}
