import { type JsonObject, parseJsonObject, stringAt } from '../lib/json.ts'
import type { Capabilities } from './capabilities.ts'

const SHELLS = new Set(['exec_command', 'shell', 'bash'])
const SUMMARY_CHARACTERS = 200

export interface ToolTextFormats {
  readonly format: Capabilities['tool_text_format']
  readonly fallback: Capabilities['tool_text_format']
}

/** A finished call as text, for clients that show no structured calls (connector.md §5.7); '' = none. */
export function toToolText(name: string, argumentText: string, { format, fallback }: ToolTextFormats): string {
  return (
    render(format, name, argumentText) ??
    render(fallback, name, argumentText) ??
    renderOther(fallback, name, argumentText)
  )
}

/** The fallback's form for tools it has no words of its own for. As an XML element the call would be read back as another. */
function renderOther(fallback: Capabilities['tool_text_format'], name: string, argumentText: string): string {
  return fallback === 'markdown'
    ? `**${name}**\n${fenced('json', argumentText)}`
    : (render('summary', name, argumentText) ?? '')
}

function render(format: Capabilities['tool_text_format'], name: string, argumentText: string): string | undefined {
  switch (format) {
    case 'none':
      return ''
    case 'summary':
      return `[tool:${name}] ${firstCharacters(argumentText, SUMMARY_CHARACTERS)}`
    case 'codex_xml':
    case 'xml':
      return toXml(name, argumentText)
    case 'markdown':
      return toMarkdown(name, argumentText)
    default:
      return format satisfies never
  }
}

/** Whole characters: a cut pair of surrogates is no text. */
function firstCharacters(text: string, count: number): string {
  return [...text.slice(0, 2 * count)].slice(0, count).join('')
}

function toXml(name: string, argumentText: string): string | undefined {
  const args = parseJsonObject(argumentText) ?? {}
  if (SHELLS.has(name)) {
    const cwd = stringAt(args, 'workdir') ?? stringAt(args, 'cwd')
    return `<execute_command>${tag('command', commandOf(args))}${cwd === undefined ? '' : tag('cwd', cwd)}</execute_command>`
  }
  if (name === 'apply_patch') {
    const patch = patchOf(args, argumentText)
    return `<apply_diff>${tag('path', pathOf(args, patch))}${tag('diff', patch)}</apply_diff>`
  }
  return name === 'view_image' ? `<view_image>${tag('path', stringAt(args, 'path') ?? '')}</view_image>` : undefined
}

function toMarkdown(name: string, argumentText: string): string | undefined {
  const args = parseJsonObject(argumentText) ?? {}
  if (SHELLS.has(name)) return fenced('bash', commandOf(args))
  if (name === 'apply_patch') return fenced('diff', patchOf(args, argumentText))
  const path = stringAt(args, 'path') ?? ''
  return name === 'view_image' ? `![${path}](${path})` : undefined
}

function commandOf(args: JsonObject): string {
  const command = args.cmd ?? args.command
  return Array.isArray(command) ? command.join(' ') : String(command ?? '')
}

/** Custom tools carry the patch bare, functions as an argument. */
function patchOf(args: JsonObject, argumentText: string): string {
  return stringAt(args, 'input') ?? stringAt(args, 'patch') ?? stringAt(args, 'diff') ?? argumentText
}

function pathOf(args: JsonObject, patch: string): string {
  return stringAt(args, 'path') ?? /^\*\*\* (?:Update|Add|Delete) File: (.+)$/m.exec(patch)?.[1] ?? ''
}

function tag(name: string, text: string): string {
  return `<${name}>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</${name}>`
}

function fenced(language: string, text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(Math.max(3, longest + 1))
  return `${fence}${language}\n${text}\n${fence}`
}
