import { randomBytes } from 'node:crypto'
import { arrayAt, isObject, type JsonObject, objectAt, stringAt, wordOf } from '../lib/json.ts'
import { type Conversation, type OfferedTool, toConversation } from './conversation.ts'
import { DOT } from './dot.ts'
import { ev, numbered, type RawEvent } from './events.ts'
import type { StepInput } from './scenario.ts'
import { toSample } from './schema-sample.ts'
import { findCommands, findShell, toShellCall } from './shell-call.ts'

const SHOWN_PROMPT = 200
const SHOWN_OUTPUT = 2000

/**
 * What a willing model would do, for requests no scenario answers: compact when asked to, make an image, call the tools it must, run the
 * commands the prompt names one after another, then report; otherwise a short text.
 */
export function defaultAnswer(body: JsonObject): StepInput[] {
  const conversation = toConversation(body)
  if (conversation.items.at(-1)?.type === 'compaction_trigger') return turn(compaction())
  if (objectAt(body, 'tool_choice')?.type === 'image_generation') return turn(image())
  const call = nextCall(body, conversation)
  const answer = call ?? { text: toText(body, conversation), phase: 'final_answer' }
  return turn(...thought(body, conversation), answer)
}

function turn(...steps: StepInput[]): StepInput[] {
  return [{ rate_limits: true }, { created: true }, ...steps, { completed: true }]
}

/** Exactly one such item is what the Codex CLI asks for (upstream.md §4). */
function compaction(): StepInput {
  return { item: { id: newId('cmp_'), type: 'compaction', encrypted_content: newSecret() } }
}

/** One dot, whatever was asked for (backend-facts.md §6). */
function image(): StepInput {
  return { item: { id: newId('ig_'), type: 'image_generation_call', status: 'completed', result: DOT } }
}

function thought(body: JsonObject, { results }: Conversation): StepInput[] {
  if (arrayAt(body, 'include')?.includes('reasoning.encrypted_content') !== true) return []
  const summary = objectAt(body, 'reasoning')?.summary
  const isShown = typeof summary === 'string' && summary !== 'none'
  const words = results.length === 0 ? '**Reading the request**' : '**Looking at the results**'
  return [{ reasoning: { summary: isShown ? [words] : [], encrypted_content: newSecret() } }]
}

function nextCall(body: JsonObject, { tools, prompt, results }: Conversation): StepInput | undefined {
  const choice = body.tool_choice
  if (choice === 'none' || tools.length === 0) return undefined
  const shell = findShell(tools)
  const command = findCommands(prompt)[results.length]
  if (shell !== undefined && command !== undefined) return toShellCall(shell, command)
  if (results.length > 0) return undefined
  const demanded = findDemanded(choice, tools) ?? tools.find(({ name }) => asksFor(prompt, name))
  return demanded === undefined ? undefined : toSampleCall(demanded)
}

function findDemanded(choice: unknown, tools: readonly OfferedTool[]): OfferedTool | undefined {
  if (choice === 'required') return tools[0]
  return isObject(choice) ? tools.find(({ name }) => name === choice.name) : undefined
}

function asksFor(prompt: string, name: string): boolean {
  const literal = name.replace(/[^\w]/g, '\\$&')
  return new RegExp(`\\b(?:call|use)\\s+(?:the\\s+)?(?:tool\\s+)?[\`"']?${literal}(?![\\w-])`, 'i').test(prompt)
}

function toSampleCall({ name, namespace, type, parameters }: OfferedTool): StepInput {
  const place = namespace === undefined ? {} : { namespace }
  if (type === 'custom') return { custom_tool_call: { name, input: 'sample', ...place } }
  const sample = toSample({ ...parameters, type: 'object' }, 'sample', parameters)
  return { tool_call: { name, arguments: isObject(sample) ? sample : {}, ...place } }
}

function toText(body: JsonObject, { prompt, results }: Conversation): string {
  const format = objectAt(objectAt(body, 'text') ?? {}, 'format') ?? {}
  if (format.type === 'json_schema') return JSON.stringify(toSample(format.schema, 'sample'))
  if (format.type === 'json_object') return JSON.stringify({ answer: shorten(prompt, SHOWN_PROMPT) })
  if (results.length === 0) return `Simulated answer to: ${shorten(prompt, SHOWN_PROMPT)}`
  return results.map(({ call, output }) => report(call, output)).join('\n')
}

function report(call: JsonObject, output: string): string {
  const shown = shorten(output.trim(), SHOWN_OUTPUT)
  return shown === '' ? `${wordOf(call.name)} printed nothing.` : `The command printed: ${shown}`
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`
}

/**
 * A whole stream around finished items, text in word-sized deltas, and an empty `output` at the end. The items keep their
 * own ids, which tests compare.
 */
export function turnOf(items: readonly JsonObject[], usage?: JsonObject): RawEvent[] {
  const id = newId('resp_')
  const inner = items.flatMap((entry, outputIndex) => eventsOf(entry, outputIndex))
  const done = items.map((entry, outputIndex) => ev.done(entry, outputIndex))
  const completed = ev.completed(id, { output: [], ...(usage === undefined ? {} : { usage }) })
  return numbered([ev.created(id), ev.inProgress(id), ...inner, ...done, completed])
}

function eventsOf(entry: JsonObject, outputIndex: number): RawEvent[] {
  const place = { itemId: wordOf(entry.id), outputIndex }
  if (entry.type === 'function_call') {
    const args = wordOf(entry.arguments)
    const open = { ...entry, arguments: '', status: 'in_progress' }
    return [ev.added(open, outputIndex), ev.toolArgs(args, place), ev.toolArgsDone(args, place)]
  }
  if (entry.type === 'custom_tool_call') {
    const input = wordOf(entry.input)
    const open = { ...entry, input: '', status: 'in_progress' }
    return [ev.added(open, outputIndex), ev.customInput(input, place), ev.customInputDone(input, place)]
  }
  if (entry.type !== 'message') return [ev.added(entry, outputIndex)]
  const text = (arrayAt(entry, 'content') ?? [])
    .map((part) => (isObject(part) ? (stringAt(part, 'text') ?? '') : ''))
    .join('')
  return [
    ev.added({ ...entry, content: [], status: 'in_progress' }, outputIndex),
    ev.partAdded({ type: 'output_text', text: '', annotations: [] }, place),
    ...(text.match(/\s*\S+|\s+$/g) ?? []).map((delta) => ev.text(delta, place)),
    ev.textDone(text, place),
    ev.partDone({ type: 'output_text', text, annotations: [] }, place),
  ]
}

function newId(prefix: string): string {
  return prefix + randomBytes(24).toString('hex')
}

/** Looks like the backend's encrypted contents. */
function newSecret(): string {
  return `gAAAAAB${randomBytes(96).toString('base64url')}`
}
