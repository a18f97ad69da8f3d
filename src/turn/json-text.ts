import { invalidField } from './errors.ts'

/**
 * JSON of a value the client sent: JSON.parse takes any depth, JSON.stringify does not.
 * @throws GatewayError 400 with the path
 */
export function toJsonText(value: unknown, path: string): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error instanceof RangeError) throw invalidField(path, `${path} is nested too deeply.`)
    throw error
  }
}
