import { shortId } from '../../lib/ids.ts'
import { stringAt } from '../../lib/json.ts'
import type { InputItem, Turn } from '../../turn/turn.ts'
import { textsOf } from './prompt.ts'

const BUILT_IN = ['execute_command', 'apply_diff', 'view_image']
/** The declared names these elements stand for, most usual first. */
const ALIASES: Record<string, readonly string[]> = {
  execute_command: ['exec_command', 'shell', 'bash', 'execute_command'],
  apply_diff: ['apply_patch', 'apply_diff'],
  view_image: ['view_image'],
}
const RESULT = /^\s*\[([\w.-]+)[^\]]*\]\s*Result:\s*/

interface OpenCall {
  readonly element: string
  readonly callId: string
}

/**
 * Calls that a client keeps as XML text in its history become calls again, and the texts that report their results
 * become outputs (connector.md §5.7, request side; only with `tool_text_format: codex_xml`).
 */
export function readToolText(turn: Turn): Turn {
  const names = (turn.body.tools ?? []).flatMap((tool) => stringAt(tool, 'name') ?? [])
  const open: OpenCall[] = []
  const input = turn.body.input.flatMap((item) => {
    if (item.role === 'assistant') return readAssistant(item, names, open)
    if (item.role === 'user') return readResult(item, open)
    return [item]
  })
  return { ...turn, body: { ...turn.body, input } }
}

function readAssistant(item: InputItem, names: readonly string[], open: OpenCall[]): InputItem[] {
  const elements = [...BUILT_IN, ...names].map(escapeRegExp).join('|')
  const pattern = new RegExp(`<(${elements})>([\\s\\S]*?)</\\1>`, 'g')
  const text = textsOf(item).join('')
  const items: InputItem[] = []
  let end = 0
  for (const match of text.matchAll(pattern)) {
    const [whole, element = '', inner = ''] = match
    pushText(items, text.slice(end, match.index))
    const callId = shortId('call_')
    const name = ALIASES[element]?.find((alias) => names.includes(alias)) ?? ALIASES[element]?.[0] ?? element
    items.push({
      type: 'function_call',
      call_id: callId,
      name,
      arguments: JSON.stringify(readArguments(element, inner)),
    })
    open.push({ element, callId })
    end = match.index + whole.length
  }
  if (items.length === 0) return [item]
  pushText(items, text.slice(end))
  return items
}

function pushText(items: InputItem[], text: string): void {
  const trimmed = text.trim()
  if (trimmed === '') return
  items.push({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: trimmed }] })
}

/** Child elements become arguments; built-in elements are told in the arguments of their tool. */
function readArguments(element: string, inner: string): Record<string, string> {
  const children = [...inner.matchAll(/<([\w.-]+)>([\s\S]*?)<\/\1>/g)]
  const values = Object.fromEntries(children.map(([, name = '', value = '']) => [name, unescapeXml(value)]))
  if (element !== 'execute_command') return values
  const { command, cwd, ...rest } = values
  return { ...(command === undefined ? {} : { cmd: command }), ...(cwd === undefined ? {} : { workdir: cwd }), ...rest }
}

function readResult(item: InputItem, open: OpenCall[]): InputItem[] {
  const text = textsOf(item).join('')
  const match = RESULT.exec(text)
  const index = match === null ? -1 : open.findIndex(({ element }) => element === match[1])
  const [call] = index === -1 ? [] : open.splice(index, 1)
  if (match === null || call === undefined) return [item]
  return [{ type: 'function_call_output', call_id: call.callId, output: text.slice(match[0].length) }]
}

function unescapeXml(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
