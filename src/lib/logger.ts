import { type Logger, pino } from 'pino'
import { maskSecrets } from './redact.ts'

export type { Logger }

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** JSON lines; whatever looks like a token is masked in the finished line, so that no caller can forget to. */
export function createLogger(level: string, destination: { write(line: string): void }): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => destination.write(maskSecrets(line)) },
  )
}
