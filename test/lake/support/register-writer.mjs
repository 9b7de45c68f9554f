// One of several processes that swap a register at a barrier: argv holds the module, the register's path, the writer's
// number, the rounds, and how many writers run at once in this process. Prints its wins as JSON, one line a round.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

const [module, path, writer, rounds, atOnce, barrier] = process.argv.slice(2);
const { FolderRegister } = await import(module);

for (let round = 0; round < Number(rounds); round++) {
  const writers = Array.from({ length: Number(atOnce) }, () => new FolderRegister(path));
  const expected = round === 0 ? undefined : String(round);
  await writeFile(`${barrier}/ready-${round}-${writer}`, '');
  while (!existsSync(`${barrier}/go-${round}`)) await setTimeout(1);
  const answers = await Promise.all(
    writers.map((one, k) => one.swap(Buffer.from(`${round} ${writer}.${k}`), expected)),
  );
  console.log(
    JSON.stringify(
      answers.flatMap((answer, k) => (answer === 'conflict' ? [] : [{ round, answer, name: `${writer}.${k}` }])),
    ),
  );
  await writeFile(`${barrier}/done-${round}-${writer}`, '');
  while (!existsSync(`${barrier}/next-${round}`)) await setTimeout(1);
}
