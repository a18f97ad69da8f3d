import { ANSWER_ROWS } from './answer-rows.ts'
import { FIELD_ROWS } from './field-rows.ts'
import { REQUEST_ROWS } from './request-rows.ts'
import type { Row } from './row.ts'
import { TOOL_ROWS } from './tool-rows.ts'

export { CALLS } from './calls.ts'
export { FIELD_ROWS }

/** What one sees of the clients, in the order of the documentation. */
export const FEATURE_ROWS: readonly Row[] = [...ANSWER_ROWS, ...TOOL_ROWS, ...REQUEST_ROWS]
