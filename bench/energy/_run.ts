import { openBench, runPlan } from '../../test/support/run-plan.js';
const home = process.argv[2]!;
const bench = await openBench({ home });
for (const inputs of process.argv.slice(3)) {
  const t = performance.now();
  const ran = await runPlan(bench, { pipeline: 'energy', inputs, run: `r${Date.now()}` } as never);
  console.log(((performance.now() - t) / 1000).toFixed(2), 's', ran.summary.outcome, JSON.stringify(process.resourceUsage().maxRSS/1024|0));
  for (const r of ran.records) console.log(r.id, r.reused ? 'reused' : r.seconds.toFixed(2), r.rowsIn, r.rowsOut, JSON.stringify(r.partitions ?? {}), r.stage==='publish'?'':JSON.stringify(r.facts).slice(0,120));
}
await bench.close();
