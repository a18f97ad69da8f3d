import type { JsonObject } from '../lib/json.ts'
import type { Logger } from '../lib/logger.ts'

export interface RequestLine {
  readonly id: string
  readonly method: string | undefined
  readonly path: string
  /** 499 = the client left. */
  readonly status: number
  readonly ms: number
}

/**
 * One line for each request; what became of its parameters only for those who look closer (connector.md §14).
 * @param notes `cause` is a failure of our own behind an answer that had begun
 */
export function logRequest(log: Logger, line: RequestLine, { cause, ...notes }: JsonObject): void {
  if (cause !== undefined) log.error({ id: line.id, err: cause }, 'the gateway failed')
  if (!log.isLevelEnabled('info')) return
  const { dropped, adjusted, ...brief } = notes
  log.info({ ...line, ...brief }, 'request')
  if (isNotEmpty(dropped) || isNotEmpty(adjusted)) log.debug({ id: line.id, dropped, adjusted }, 'parameters')
}

function isNotEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}
