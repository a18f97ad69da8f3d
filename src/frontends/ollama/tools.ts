import { type JsonObject, stringAt, wordOf } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { toFlatTool } from '../../turn/flat-tools.ts'
import { asObject, readArray, readObject } from '../../turn/read-body.ts'

export interface OllamaTools {
  /** Flat Responses form, in the client's order. */
  readonly tools: JsonObject[]
  /** `tools.NAME`, once each. */
  readonly dropped: readonly string[]
}

/** `type` stands there in the SDK's own type. */
const FUNCTION_KEYS = new Set(['type', 'name', 'description', 'parameters'])

/** @throws GatewayError with the path of the tool at fault */
export function readTools(fields: JsonObject): OllamaTools {
  const dropped = new Set<string>()
  const names = new Set<string>()
  const tools = (readArray(fields, 'tools') ?? []).map((value, index) => {
    const path = `tools[${index}]`
    const tool = asObject(value, path)
    if ((tool.type ?? 'function') !== 'function') throw otherType(tool, path)
    const declared = asObject(tool.function, `${path}.function`)
    const name = stringAt(declared, 'name') ?? ''
    if (name === '') throw invalidField(`${path}.function.name`, `${path}.function.name must name the tool.`)
    if (names.has(name)) throw invalidField(path, `${path}: the name "${name}" is used twice.`)
    names.add(name)
    for (const [key, member] of Object.entries(declared)) {
      if (!FUNCTION_KEYS.has(key) && member !== null) dropped.add(`tools.${key}`)
    }
    const parameters = readObject(declared, 'parameters', `${path}.function.parameters`)
    return toFlatTool({ type: 'function', name, description: declared.description, parameters })
  })
  return { tools, dropped: [...dropped] }
}

function otherType({ type }: JsonObject, path: string): GatewayError {
  return new GatewayError(
    'unsupported_parameter',
    `${path}.type: "${wordOf(type).slice(0, 60)}" is not possible, only function.`,
    { param: `${path}.type` },
  )
}
