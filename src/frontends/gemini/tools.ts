import { type JsonObject, objectAt, stringAt, wordOf } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { toFlatTool } from '../../turn/flat-tools.ts'
import { asObject, readArray, readObject } from '../../turn/read-body.ts'
import { toJsonSchema } from './schema.ts'
import { camelKeys } from './spelling.ts'

export interface GeminiTools {
  /** Flat Responses form, in the client's order; only those it may choose from. */
  readonly tools: JsonObject[]
  readonly hasWebSearch: boolean
  /** Backend form; undefined = not asked. */
  readonly choice: string | undefined
  /** `tools.NAME`, once each. */
  readonly dropped: readonly string[]
  readonly adjusted: readonly string[]
}

const SEARCHES = ['googleSearch', 'googleSearchRetrieval']
const DECLARATION_KEYS = new Set(['name', 'description', 'parameters', 'parametersJsonSchema'])

/** `tools` and `toolConfig`. @throws GatewayError with the path of what is at fault */
export function readTools(fields: JsonObject): GeminiTools {
  const dropped = new Set<string>()
  const declared: JsonObject[] = []
  let hasWebSearch = false
  for (const [index, value] of (readArray(fields, 'tools') ?? []).entries()) {
    const path = `tools[${index}]`
    const tool = camelKeys(asObject(value, path))
    for (const [kind, settings] of Object.entries(tool)) {
      if (settings === null) continue
      if (kind === 'functionDeclarations') declared.push(...readDeclarations(tool, path, dropped))
      else if (SEARCHES.includes(kind)) {
        hasWebSearch = true
        for (const key of Object.keys(objectAt(tool, kind) ?? {})) dropped.add(`tools.${kind}.${key}`)
      } else throw otherTool(kind, path)
    }
  }
  refuseTwins(declared)
  const { mode, allowed } = readToolConfig(fields, dropped)
  const offered = allowed === undefined ? declared : declared.filter(({ name }) => allowed.includes(wordOf(name)))
  const tools = [...offered, ...(hasWebSearch ? [{ type: 'web_search' }] : [])]
  return {
    tools,
    hasWebSearch,
    choice: tools.length === 0 ? undefined : toChoice(mode),
    dropped: [...dropped],
    adjusted: mode === 'VALIDATED' ? ['toolConfig.functionCallingConfig.mode=AUTO'] : [],
  }
}

function readDeclarations(tool: JsonObject, toolPath: string, dropped: Set<string>): JsonObject[] {
  const list = readArray(tool, 'functionDeclarations', `${toolPath}.functionDeclarations`) ?? []
  return list.map((value, index) => {
    const path = `${toolPath}.functionDeclarations[${index}]`
    const declaration = camelKeys(asObject(value, path))
    const name = stringAt(declaration, 'name') ?? ''
    if (name === '') throw invalidField(`${path}.name`, `${path}.name must name the function.`)
    for (const [key, member] of Object.entries(declaration)) {
      if (!DECLARATION_KEYS.has(key) && member !== null) dropped.add(`tools.${key}`)
    }
    return toFlatTool({
      type: 'function',
      name,
      description: declaration.description,
      parameters: readParameters(declaration, path),
    })
  })
}

function readParameters(declaration: JsonObject, path: string): JsonObject | undefined {
  const plain = readObject(declaration, 'parametersJsonSchema', `${path}.parametersJsonSchema`)
  const own = readObject(declaration, 'parameters', `${path}.parameters`)
  return plain ?? (own === undefined ? undefined : toJsonSchema(own, `${path}.parameters`))
}

function refuseTwins(declared: readonly JsonObject[]): void {
  const names = declared.map(({ name }) => name)
  const twin = names.find((name, index) => names.indexOf(name) !== index)
  if (twin !== undefined) throw invalidField('tools', `tools: the name "${wordOf(twin)}" is used twice.`)
}

function readToolConfig(fields: JsonObject, dropped: Set<string>): { mode: string; allowed: unknown[] | undefined } {
  const { functionCallingConfig: _calling, ...others } = camelKeys(readObject(fields, 'toolConfig') ?? {})
  for (const [key, value] of Object.entries(others)) if (value !== null) dropped.add(`toolConfig.${key}`)
  const path = 'toolConfig.functionCallingConfig'
  const calling = camelKeys(readObject({ _calling }, '_calling', path) ?? {})
  const mode = wordOf(calling.mode ?? 'AUTO').toUpperCase()
  const allowed = readArray(calling, 'allowedFunctionNames', `${path}.allowedFunctionNames`)
  if (!['AUTO', 'ANY', 'NONE', 'VALIDATED', 'MODE_UNSPECIFIED'].includes(mode)) {
    throw invalidField(`${path}.mode`, `${path}.mode must be one of: AUTO, ANY, NONE, VALIDATED.`)
  }
  return { mode, allowed: allowed?.length === 0 ? undefined : allowed }
}

function toChoice(mode: string): string | undefined {
  if (mode === 'ANY') return 'required'
  if (mode === 'NONE') return 'none'
  return mode === 'MODE_UNSPECIFIED' ? undefined : 'auto'
}

function otherTool(kind: string, path: string): GatewayError {
  return new GatewayError(
    'unsupported_parameter',
    `${path}.${kind.slice(0, 60)}: this backend has no such tool; functionDeclarations and googleSearch are possible.`,
    { param: `${path}.${kind.slice(0, 60)}` },
  )
}
