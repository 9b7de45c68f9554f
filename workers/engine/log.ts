/** As much of a pino logger as the engine's code needs. */
export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
