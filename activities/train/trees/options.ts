import { z } from 'zod';

const count = z.int();

/** Options that boosting, forest and tree share, named as LightGBM names them. */
const common = {
  maxDepth: count.min(0).max(1000).default(0).describe('splits above a leaf at most; 0: no limit'),
  minDataInLeaf: count.min(1).describe('rows of a leaf at least'),
  minGainToSplit: z.number().nonnegative().default(0).describe('what a split must gain, in the unit of the loss'),
  maxBin: count.min(2).max(255).default(255).describe('bins of a feature, missing values not counted'),
  featureFraction: z.number().gt(0).lte(1).default(1).describe('share of the features that each tree may read'),
  seed: count
    .min(0)
    .max(2 ** 31 - 1)
    .default(42)
    .describe('of everything that is drawn'),
  catSmooth: z.number().nonnegative().default(10).describe('added to the hessian when levels are put in order'),
  catL2: z.number().nonnegative().default(10).describe('L2 penalty of splits by levels'),
};

export const boostingSchema = z.strictObject({
  ...common,
  objective: z
    .enum(['regression', 'poisson', 'binary', 'quantile'])
    .default('regression')
    .describe('loss: squared, Poisson (log link), logistic, or pinball at alpha'),
  alpha: z.number().gt(0).lt(1).default(0.9).describe('the quantile that is predicted'),
  growth: z
    .enum(['leaf', 'depth'])
    .default('leaf')
    .describe('which leaf is split next: the one that gains most, or the topmost'),
  numIterations: count.min(1).max(100_000).default(100).describe('trees'),
  learningRate: z.number().gt(0).lte(1).default(0.1).describe('share of each step that is taken'),
  numLeaves: count.min(2).max(65_536).default(31).describe('leaves of a tree at most'),
  minDataInLeaf: common.minDataInLeaf.default(20),
  minSumHessianInLeaf: z.number().nonnegative().default(1e-3).describe('hessians of a leaf at least'),
  lambdaL1: z.number().nonnegative().default(0).describe('L1 penalty of steps'),
  lambdaL2: z.number().nonnegative().default(0).describe('L2 penalty of steps'),
  baggingFraction: z.number().gt(0).lte(1).default(1).describe('chance of a row to be in a tree'),
  earlyStoppingRounds: count
    .min(0)
    .default(0)
    .describe('trees without a better loss on held-out rows before it ends; 0: never'),
  validationFraction: z.number().gt(0).lt(1).default(0.1).describe('share of the rows held out for that'),
  poissonMaxDeltaStep: z.number().nonnegative().default(0.7).describe('keeps Poisson steps short'),
  monotoneConstraints: z
    .record(z.string(), z.union([z.literal(-1), z.literal(0), z.literal(1)]))
    .default({})
    .describe('by feature: 1 where predictions may not fall with it, −1 where they may not rise'),
});
export type BoostingParams = z.infer<typeof boostingSchema>;

const grown = {
  ...common,
  objective: z
    .enum(['regression', 'binary'])
    .default('regression')
    .describe('a mean of targets, or of classes 0 and 1, which is a probability'),
  minDataInLeaf: common.minDataInLeaf.default(1),
};

export const treeSchema = z.strictObject(grown);
export type TreeParams = z.infer<typeof treeSchema>;

export const forestSchema = z.strictObject({
  ...grown,
  numIterations: count.min(1).max(10_000).default(100).describe('trees'),
  bootstrap: z.boolean().default(true).describe('each tree sees as many rows, drawn with replacement'),
});
export type ForestParams = z.infer<typeof forestSchema>;
