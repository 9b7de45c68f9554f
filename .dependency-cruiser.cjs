// The six rooms and who may import whom. Type-only imports are told apart, so that a room may speak of another's shapes
// where it may not run its code. test/rooms.test.ts shows that each rule bites.

const typeOnly = ['type-only'];

/**
 * Parts of a stage's durable step, where it is too long for its index.ts: they read and write tables. No client imports
 * them. Everything else beside an index.ts is pure.
 */
const stepParts = '^activities/[^/]+/steps/';
const stepIndex = '^activities/[^/]+/index[.]ts$';

/** A room may not import the others named, not even their types. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid(
      'no-circular',
      'a cycle of values has no order to load it in',
      {},
      {
        circular: true,
        viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] },
      },
    ),
    forbid('not-to-unresolvable', 'what is imported exists', {}, { couldNotResolve: true }),
    forbid(
      'not-to-dev-dep',
      'what is shipped needs no development dependency',
      { path: '^(config|lake|activities|workflows|workers|client)/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: typeOnly },
    ),
    forbid(
      'not-to-test',
      'what is shipped needs no test',
      { pathNot: '^(test|bench)/' },
      { path: '^(test|bench|scripts)/' },
    ),
    forbid(
      'config-imports-nothing',
      'config says what, and nothing of ours is below it',
      { path: '^config/' },
      { path: '^(lake|activities|workflows|workers|client)/' },
    ),
    forbid(
      'lake-imports-config',
      'the lake does not know who uses it',
      { path: '^lake/' },
      {
        path: '^(activities|workflows|workers|client)/',
      },
    ),
    forbid(
      'activities-import-config-and-lake',
      'a step does not know its workflow',
      { path: '^activities/' },
      {
        path: '^(workflows|workers|client)/',
      },
    ),
    forbid(
      'kernels-are-pure',
      "beside a stage's index.ts nothing touches Temporal or the lake, but for the lake's types and spellings",
      { path: '^activities/[^/]+/', pathNot: [stepIndex, stepParts, '^activities/pool/'] },
      {
        path: ['^lake/', '(^|/)node_modules/@temporalio/'],
        pathNot: '^lake/(keys|sql)[.]ts$',
        dependencyTypesNot: typeOnly,
      },
    ),
    forbid(
      'workflows-import-types',
      'of ours, workflow code runs only the error registry and the names of attributes and queues',
      { path: '^workflows/' },
      {
        path: '^(config|lake|activities|workers|client)/',
        pathNot: '^config/(errors|attributes|queues)[.]ts$',
        dependencyTypesNot: typeOnly,
      },
    ),
    forbid(
      'workflows-import-the-sdk',
      "the sandbox has no I/O: only the SDK's workflow side may be bundled",
      { path: '^workflows/' },
      { dependencyTypes: ['npm', 'core'], pathNot: '(^|/)node_modules/@temporalio/(workflow|common)/' },
    ),
    forbid(
      'workers-do-not-import-client',
      'a worker is asked, it does not ask',
      { path: '^workers/' },
      { path: '^client/' },
    ),
    forbid(
      'client-imports-workers-in-embedded',
      'every command gets its engine in one place',
      {
        path: '^client/',
        pathNot: '^client/embedded[.]ts$',
      },
      { path: '^workers/', dependencyTypesNot: typeOnly },
    ),
    forbid(
      'client-imports-messages',
      'of workflows, a client runs only the message definitions',
      { path: '^client/' },
      { path: '^workflows/', pathNot: '^workflows/messages([.]ts$|/)', dependencyTypesNot: typeOnly },
    ),
    forbid(
      'client-imports-pure-files',
      'a client does not run steps',
      { path: '^client/' },
      { path: ['^activities/(index|durable)[.]ts$', stepIndex, stepParts], dependencyTypesNot: typeOnly },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
