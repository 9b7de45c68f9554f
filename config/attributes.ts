import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/**
 * Search attributes of every refresh and run, by which people and the client find them. They must be registered before a
 * worker polls: a workflow that sets an unregistered one fails its task for ever. None may carry personal data.
 * Workflow code imports this file, so it holds names and nothing else.
 */
export const ATTRIBUTES = {
  pipeline: defineSearchAttributeKey('Pipeline', SearchAttributeType.KEYWORD),
  /** The stage under way, then the last one. */
  stage: defineSearchAttributeKey('Stage', SearchAttributeType.KEYWORD),
  outcome: defineSearchAttributeKey('Outcome', SearchAttributeType.KEYWORD),
  modelVersion: defineSearchAttributeKey('ModelVersion', SearchAttributeType.KEYWORD),
  /** What time the run stands for, never when it happened to be executed. */
  logicalTime: defineSearchAttributeKey('LogicalTime', SearchAttributeType.DATETIME),
} as const;
