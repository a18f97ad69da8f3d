import { isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { DEFAULT_INSTRUCTIONS } from '../../turn/default-instructions.ts'
import type { InputItem, Turn } from '../../turn/turn.ts'

export interface PromptOptions {
  /** The text itself; `file:` has been read. */
  readonly template: string | undefined
  readonly prepend: readonly string[]
  readonly append: readonly string[]
  readonly deduplicate: boolean
  readonly fallbackToDefault: boolean
}

export interface Prompt {
  /** What goes where the shape puts base texts. */
  readonly base: string
  /** The conversation with the client's system texts where the mode wants them. */
  readonly input: InputItem[]
}

export interface PromptInput {
  readonly turn: Turn
  readonly mode: Capabilities['prompt_mode']
  readonly options: PromptOptions
  /** The model's own base text. */
  readonly modelText: string | undefined
}

/** Connector.md §5.5, first table: chat, and `/v1/responses` without passthrough. */
export function buildPrompt({ turn, mode, options, modelText }: PromptInput): Prompt {
  const custom = clientTexts(turn)
  const { input } = turn.body
  const { prepend, append } = options
  if (mode === 'merge_custom') {
    const sections = [...prepend, defaultText(options, modelText), ...custom, ...append]
    return { base: join(sections, options), input: input.filter((item) => !isSystem(item)) }
  }
  if (mode === 'custom_only' && (custom.some(isNotBlank) || !options.fallbackToDefault)) {
    return { base: join([...prepend, ...custom, ...append], options), input: input.filter((item) => !isSystem(item)) }
  }
  const ahead = [turn.body.instructions ?? '', ...turn.systemPrompt].filter(isNotBlank).map(toDeveloperMessage)
  return { base: baseText(options, modelText), input: [...ahead, ...input.map(asDeveloper)] }
}

/** Connector.md §5.5, second table: `/v1/responses` with passthrough. */
export function buildPassthroughPrompt({ turn, mode, options, modelText }: PromptInput): Prompt {
  const sent = turn.body.instructions
  const input = [...turn.systemPrompt.filter(isNotBlank).map(toDeveloperMessage), ...turn.body.input.map(asDeveloper)]
  if (turn.client.family === 'codex-cli' || turn.body.input.some(isAdditionalTools)) return { base: sent ?? '', input }
  const base = baseText(options, modelText)
  if (sent === undefined || !isNotBlank(sent)) {
    return { base: mode === 'custom_only' && !options.fallbackToDefault ? '' : base, input }
  }
  return { base: mode === 'merge_custom' ? `${base}\n\n${sent}` : sent, input }
}

/** All text the client gave as system text, in order; what conversations are told apart by. */
export function clientTexts(turn: Turn): string[] {
  return [turn.body.instructions ?? '', ...turn.body.input.filter(isSystem).flatMap(textsOf), ...turn.systemPrompt]
}

/** The texts of a message's parts, or its plain string. */
export function textsOf(item: JsonObject): string[] {
  if (typeof item.content === 'string') return [item.content]
  if (!Array.isArray(item.content)) return []
  const parts: unknown[] = item.content
  return parts.flatMap((part) => (isObject(part) ? (stringAt(part, 'text') ?? []) : []))
}

export function isAdditionalTools(item: JsonObject): boolean {
  return item.type === 'additional_tools'
}

export function toDeveloperMessage(text: string): InputItem {
  return { type: 'message', role: 'developer', content: [{ type: 'input_text', text }] }
}

/** The backend knows no system role (backend-facts.md §4). */
function asDeveloper(item: InputItem): InputItem {
  return isSystem(item) ? { ...item, role: 'developer' } : item
}

function isSystem(item: JsonObject): boolean {
  return item.role === 'system' && (item.type === undefined || item.type === 'message')
}

function baseText(options: PromptOptions, modelText: string | undefined): string {
  return join([...options.prepend, defaultText(options, modelText), ...options.append], options)
}

function defaultText({ template }: PromptOptions, modelText: string | undefined): string {
  return [template, modelText].find((text) => text !== undefined && isNotBlank(text)) ?? DEFAULT_INSTRUCTIONS
}

function join(sections: readonly string[], { deduplicate }: PromptOptions): string {
  const filled = sections.filter(isNotBlank)
  return (deduplicate ? [...new Set(filled)] : filled).join('\n\n')
}

function isNotBlank(text: string): boolean {
  return text.trim() !== ''
}
