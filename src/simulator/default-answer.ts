import { randomBytes } from 'node:crypto'
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../lib/json.ts'
import { ev, item, type RawEvent } from './events.ts'

const SHELLS = [
  'exec_command',
  'shell',
  'bash',
  'local_shell',
  'run_terminal_command',
  'execute_command',
  'run_command',
  'exec',
]
const COMMAND = /(?:run|execute|running|executing)\b[^`]*`([^`]+)`/gi

/** A sensible turn for any request: a command the user asked for is called with the tool offered for it, then reported. */
export function defaultAnswer(body: JsonObject): RawEvent[] {
  const items = (arrayAt(body, 'input') ?? []).filter(isObject)
  const tool = findShell([
    ...(arrayAt(body, 'tools') ?? []),
    ...items.flatMap((entry) => (entry.type === 'additional_tools' ? (arrayAt(entry, 'tools') ?? []) : [])),
  ])
  const lastUser = items.findLastIndex((entry) => entry.role === 'user')
  const prompt = textOf(items[lastUser])
  const outputs = items.slice(lastUser + 1).filter((entry) => String(entry.type).endsWith('_output'))
  const commands = [...prompt.matchAll(COMMAND)].map((match) => match[1] ?? '')
  const next = commands[outputs.length]
  if (tool !== undefined && next !== undefined) return turnOf([callOf(tool, next)])
  const last = outputs.at(-1)
  const text =
    last === undefined ? `Simulated answer to: ${prompt.slice(0, 200)}` : `The command printed: ${outputText(last)}`
  return turnOf([item.message(text, { id: newId('msg_sim') })])
}

/** A whole stream around finished items, text in word-sized deltas. */
export function turnOf(items: readonly JsonObject[], usage?: JsonObject): RawEvent[] {
  const id = newId('resp_sim')
  const inner = items.flatMap((entry, outputIndex) => {
    const place = { itemId: String(entry.id), outputIndex }
    if (entry.type === 'function_call') {
      return [
        ev.added({ ...entry, arguments: '', status: 'in_progress' }, outputIndex),
        ev.toolArgs(String(entry.arguments), place),
        ev.toolArgsDone(String(entry.arguments), place),
      ]
    }
    if (entry.type === 'custom_tool_call') {
      return [
        ev.added({ ...entry, input: '', status: 'in_progress' }, outputIndex),
        ev.customInput(String(entry.input), place),
        ev.customInputDone(String(entry.input), place),
      ]
    }
    if (entry.type !== 'message') return [ev.added(entry, outputIndex)]
    const text = textOf(entry)
    return [
      ev.added({ ...entry, content: [], status: 'in_progress' }, outputIndex),
      ev.partAdded({ type: 'output_text', text: '', annotations: [] }, place),
      ...(text.match(/\s*\S+|\s+$/g) ?? []).map((delta) => ev.text(delta, place)),
      ev.textDone(text, place),
      ev.partDone({ type: 'output_text', text, annotations: [] }, place),
    ]
  })
  const done = items.map((entry, outputIndex) => ev.done(entry, outputIndex))
  const completed = ev.completed(id, { output: [], ...(usage === undefined ? {} : { usage }) })
  const events = [ev.created(id), ev.inProgress(id), ...inner, ...done, completed]
  return events.map((event, sequenceNumber) => ({ ...event, sequence_number: sequenceNumber }))
}

function findShell(tools: readonly unknown[]): JsonObject | undefined {
  const flat = tools
    .filter(isObject)
    .flatMap((tool) => (tool.type === 'namespace' ? (arrayAt(tool, 'tools') ?? []).filter(isObject) : [tool]))
  for (const name of SHELLS) {
    const found = flat.find((tool) => tool.name === name)
    if (found !== undefined) return found
  }
  return undefined
}

function callOf(tool: JsonObject, command: string): JsonObject {
  const name = String(tool.name)
  const callId = newId('call_')
  if (tool.type === 'custom') {
    const code = `const result = await tools.exec_command({ cmd: ${JSON.stringify(command)} }); text(result.output ?? JSON.stringify(result));`
    return item.customCall(name, code, { id: newId('ctc_sim'), call_id: callId })
  }
  return item.functionCall(name, JSON.stringify(argumentsFor(tool, command)), { id: newId('fc_sim'), call_id: callId })
}

/** Arguments that fit the tool's own schema. */
function argumentsFor(tool: JsonObject, command: string): JsonObject {
  const parameters = objectAt(tool, 'parameters') ?? {}
  const properties = objectAt(parameters, 'properties') ?? {}
  const key = ['cmd', 'command', 'script'].find((name) => name in properties) ?? 'command'
  const values: JsonObject = { [key]: objectAt(properties, key)?.type === 'array' ? ['bash', '-lc', command] : command }
  for (const required of (arrayAt(parameters, 'required') ?? []).filter((name) => typeof name === 'string')) {
    if (required in values) continue
    const type = objectAt(properties, required)?.type
    values[required] = type === 'boolean' ? false : type === 'number' || type === 'integer' ? 1000 : 'Run the command'
  }
  return values
}

function textOf(entry: JsonObject | undefined): string {
  if (entry === undefined) return ''
  if (typeof entry.content === 'string') return entry.content
  return (arrayAt(entry, 'content') ?? [])
    .map((part) => (isObject(part) ? (stringAt(part, 'text') ?? '') : ''))
    .join('')
}

function outputText(entry: JsonObject): string {
  if (typeof entry.output === 'string') return entry.output.slice(0, 500)
  return (arrayAt(entry, 'output') ?? [])
    .map((part) => (isObject(part) ? (stringAt(part, 'text') ?? '') : ''))
    .join('')
    .slice(0, 500)
}

function newId(prefix: string): string {
  return prefix + randomBytes(8).toString('hex')
}
