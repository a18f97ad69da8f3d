import { isDeepStrictEqual } from 'node:util'
import { type JsonObject, stringAt } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { toFlatTool } from '../../turn/flat-tools.ts'
import { BASE_TOOLS } from './base-tools.ts'

export interface ToolSchemaOptions {
  /** null = the built-in four. Chat or flat form. */
  readonly baseTools: readonly JsonObject[] | null
  readonly customTools: readonly JsonObject[]
}

export interface ToolSet {
  readonly tools: JsonObject[]
  /** True if the client's tools were left out. */
  readonly leftOutClientTools: boolean
  readonly warnings: readonly string[]
}

/** The tools the backend sees, by `tool_schema_mode` (connector.md §5.6). */
export function selectTools(
  mode: Capabilities['tool_schema_mode'],
  clientTools: readonly JsonObject[],
  options: ToolSchemaOptions,
): ToolSet {
  const custom = options.customTools.map(toFlatTool)
  if (mode === 'custom_only') {
    return { tools: withoutRepeats([...clientTools, ...custom]), leftOutClientTools: false, warnings: [] }
  }
  const base = options.baseTools?.map(toFlatTool) ?? BASE_TOOLS
  if (mode === 'codex_default') return { tools: [...base], leftOutClientTools: clientTools.length > 0, warnings: [] }
  return merge(base, clientTools, custom)
}

function merge(base: readonly JsonObject[], client: readonly JsonObject[], custom: readonly JsonObject[]): ToolSet {
  const warnings: string[] = []
  const clientByName = new Map(client.map((tool) => [nameOf(tool), tool]))
  const first = base.map((tool) => {
    const other = clientByName.get(nameOf(tool))
    if (other === undefined) return tool
    if (isDeepStrictEqual(other.parameters ?? other.format, tool.parameters ?? tool.format)) return other
    warnings.push(`The client's tool "${nameOf(tool)}" differs from the base tool of that name; the base tool is used.`)
    return tool
  })
  return { tools: withoutRepeats([...first, ...client, ...custom]), leftOutClientTools: false, warnings }
}

/** The first of each name stays; tools without a name (hosted ones) all stay. */
function withoutRepeats(tools: readonly JsonObject[]): JsonObject[] {
  const seen = new Set<string>()
  return tools.filter((tool) => {
    const name = nameOf(tool)
    if (name === undefined) return true
    if (seen.has(name)) return false
    seen.add(name)
    return true
  })
}

function nameOf(tool: JsonObject): string | undefined {
  return stringAt(tool, 'name')
}
