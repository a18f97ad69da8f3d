import { type JsonObject, wordOf } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import type { ModelSettings, ResolvedModel } from '../../turn/model.ts'
import { mapToolNames } from '../../turn/tool-names.ts'
import type { InputItem, Turn } from '../../turn/turn.ts'
import { toEnvironmentMessage } from './environment.ts'
import {
  buildPassthroughPrompt,
  buildPrompt,
  clientTexts,
  isAdditionalTools,
  type Prompt,
  type PromptOptions,
  textsOf,
  toDeveloperMessage,
} from './prompt.ts'
import { selectTools, type ToolSchemaOptions } from './tool-schema.ts'
import { readToolText } from './tool-text-input.ts'

export interface PayloadOptions {
  readonly responsesShape: 'auto' | 'classic' | 'lite'
  readonly allowedParams: readonly string[]
  readonly prompt: PromptOptions
  readonly toolSchema: ToolSchemaOptions
}

export interface PayloadInput {
  readonly turn: Turn
  readonly capabilities: Capabilities
  readonly resolved: ResolvedModel
  readonly settings: ModelSettings
  readonly options: PayloadOptions
}

export interface Payload {
  /** Everything but the identity: `prompt_cache_key` and `client_metadata` come with `withIdentity`. */
  readonly fields: JsonObject
  readonly isLite: boolean
  readonly isPassthrough: boolean
  /** Name on the wire → the client's name. */
  readonly restore: ReadonlyMap<string, string>
  /** In the order of the client's body. */
  readonly dropped: readonly string[]
  /** Part of `dropped` that follows from configuration and is never a reason to refuse. */
  readonly droppedByMode: readonly string[]
  readonly adjusted: readonly string[]
  readonly warnings: readonly string[]
  /** For the derived conversation key (connector.md §11.1). */
  readonly systemText: string
  readonly firstUserText: string
  /** True while a user turn goes on: the request brings tool results. */
  readonly isFollowUp: boolean
}

const REASONING_INCLUDE = 'reasoning.encrypted_content'
/** Tool types that fit the lite shape; all others are hosted ones, which it does not offer (backend-facts.md §5). */
const LITE_TOOLS = new Set(['function', 'custom', 'namespace', 'tool_search'])

/** Turn → the body the backend takes (connector.md §5–§8, upstream.md §1.2). Pure and byte-stable. */
export function buildPayload(input: PayloadInput): Payload {
  const { turn, capabilities, resolved, settings, options } = input
  const isPassthrough = turn.endpoint === 'responses' && capabilities.codex_passthrough
  const toolSet = isPassthrough
    ? { tools: turn.body.tools ?? [], leftOutClientTools: false, warnings: [] }
    : selectTools(capabilities.tool_schema_mode, turn.body.tools ?? [], options.toolSchema)
  const prompt = promptOf(input, isPassthrough)
  const mapped = mapToolNames({ tools: toolSet.tools, toolChoice: turn.body.tool_choice, input: prompt.input })
  const hasOwnShape = turn.body.input.some(isAdditionalTools)
  const isLite = hasOwnShape || (!hasHostedTool(mapped.tools) && wantsLite(options.responsesShape, resolved))
  const adjusted = [...turn.adjusted, ...settings.adjusted]
  if (isLite && turn.body.parallel_tool_calls === true) adjusted.push('parallel_tool_calls=false')

  const droppedByMode = toolSet.leftOutClientTools ? ['tools'] : []
  return {
    fields: toFields(input, { base: prompt.base, mapped, isLite, isPassthrough, hasOwnShape }),
    isLite,
    isPassthrough,
    restore: mapped.restore,
    dropped: toDropped(input, droppedByMode),
    droppedByMode,
    adjusted,
    warnings: toolSet.warnings,
    systemText: clientTexts(turn).join('\n'),
    firstUserText: textsOf(turn.body.input.find((item) => item.role === 'user') ?? {}).join('\n'),
    isFollowUp: wordOf(turn.body.input.at(-1)?.type).endsWith('_output'),
  }
}

function promptOf({ turn, capabilities, resolved, options }: PayloadInput, isPassthrough: boolean): Prompt {
  const isXml = capabilities.tool_text_format === 'codex_xml' || capabilities.tool_text_format === 'xml'
  const source = turn.endpoint === 'chat' && isXml ? readToolText(turn) : turn
  const promptInput = {
    turn: source,
    mode: capabilities.prompt_mode,
    options: options.prompt,
    modelText: resolved.entry?.baseInstructions,
  }
  if (isPassthrough) return buildPassthroughPrompt(promptInput)
  const { base, input } = buildPrompt(promptInput)
  const environment = capabilities.include_environment_context ? toEnvironmentMessage(turn.environment) : undefined
  return { base, input: environment === undefined ? input : [environment, ...input] }
}

interface Shaped {
  readonly base: string
  readonly mapped: {
    readonly tools: readonly JsonObject[]
    readonly toolChoice: unknown
    readonly input: readonly InputItem[]
  }
  readonly isLite: boolean
  readonly isPassthrough: boolean
  /** The client built the lite shape itself; it is kept as it is. */
  readonly hasOwnShape: boolean
}

function toFields(input: PayloadInput, shaped: Shaped): JsonObject {
  const { turn, resolved, settings, options } = input
  const { base, mapped, isLite, isPassthrough, hasOwnShape } = shaped
  const isReshaped = isLite && !hasOwnShape
  const fields: JsonObject = { model: resolved.slug }
  if (!isLite || (hasOwnShape && base !== '')) fields.instructions = base
  fields.stream = true
  fields.input = isReshaped ? toLiteInput(base, mapped) : mapped.input
  const showsTools = !isReshaped && (mapped.tools.length > 0 || (isPassthrough && turn.body.tools !== undefined))
  if (showsTools) fields.tools = mapped.tools
  set(fields, 'service_tier', settings.serviceTier)
  set(fields, 'tool_choice', mapped.toolChoice ?? (isPassthrough ? undefined : 'auto'))
  set(
    fields,
    'parallel_tool_calls',
    isLite ? false : (turn.body.parallel_tool_calls ?? (isPassthrough ? undefined : true)),
  )
  set(fields, 'reasoning', toReasoning(input, isLite))
  fields.store = false
  fields.include = [...new Set([...(turn.body.include ?? []), REASONING_INCLUDE])]
  set(fields, 'text', toText(turn, settings))
  set(fields, 'access_programs', turn.body.access_programs)
  set(fields, 'client_metadata', turn.body.client_metadata)
  for (const name of options.allowedParams) set(fields, name, turn.extras[name])
  return fields
}

/** Connector.md §7.4: tools first, then the base text as a developer message. */
function toLiteInput(base: string, { tools, input }: Shaped['mapped']): InputItem[] {
  const head: InputItem[] = []
  if (tools.length > 0) head.push({ type: 'additional_tools', role: 'developer', tools })
  if (base !== '') head.push(toDeveloperMessage(base))
  return [...head, ...input]
}

function toReasoning({ turn, settings }: PayloadInput, isLite: boolean): JsonObject | undefined {
  const { effort, summary, ...rest } = turn.endpoint === 'responses' ? { ...turn.body.reasoning } : {}
  const reasoning: JsonObject = {}
  set(reasoning, 'effort', settings.effort ?? effort)
  // Settled from what the client asked: absent means that it must not be sent.
  set(reasoning, 'summary', settings.summary)
  Object.assign(reasoning, rest)
  if (isLite) reasoning.context = 'all_turns'
  const wasSent = turn.endpoint === 'responses' && turn.body.reasoning !== undefined
  return Object.keys(reasoning).length > 0 || wasSent ? reasoning : undefined
}

function toText(turn: Turn, settings: ModelSettings): JsonObject | undefined {
  const { verbosity: _asked, ...rest } = turn.body.text ?? {}
  const text = settings.verbosity === undefined ? rest : { verbosity: settings.verbosity, ...rest }
  const wasSent = turn.endpoint === 'responses' && turn.body.text !== undefined
  return Object.keys(text).length > 0 || wasSent ? text : undefined
}

function wantsLite(shape: PayloadOptions['responsesShape'], { entry }: ResolvedModel): boolean {
  return shape === 'lite' || (shape === 'auto' && entry?.isLite === true)
}

function hasHostedTool(tools: readonly JsonObject[]): boolean {
  return tools.some((tool) => !LITE_TOOLS.has(wordOf(tool.type)))
}

/** Everything left out, once, in the order of the client's body (connector.md §7.1). */
function toDropped({ turn, settings, options }: PayloadInput, byMode: readonly string[]): string[] {
  const extras = Object.keys(turn.extras).filter((name) => !options.allowedParams.includes(name))
  const all = [...new Set([...extras, ...turn.dropped, ...settings.dropped, ...byMode])]
  const place = (name: string) => {
    const index = turn.fieldOrder.indexOf(name.split(/[.[]/, 1)[0] ?? '')
    return index === -1 ? turn.fieldOrder.length : index
  }
  return all.sort((a, b) => place(a) - place(b))
}

function set(object: JsonObject, key: string, value: unknown): void {
  if (value !== undefined) object[key] = value
}
