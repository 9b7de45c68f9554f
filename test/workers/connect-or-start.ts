// A process of its own for the engine's tests: takes the engine of the home in argv, says which, and waits for its stdin to end.
import { connectOrStart } from '../../workers/engine.js';

const [home = '', how = 'release'] = process.argv.slice(2);
const engine = await connectOrStart({ home, log: { info: () => {}, warn: () => {} } });
process.stdout.write(`${JSON.stringify({ pid: engine.pid, kind: engine.kind, address: engine.connection.address })}\n`);
process.stdin.resume().once('end', () => {
  if (how !== 'release') process.exit(0);
  void engine.release().then((end) => {
    process.stdout.write(`${end}\n`);
    process.exit(0);
  });
});
