import { isObject, type JsonObject, objectAt } from '../lib/json.ts'
import type { OfferedTool } from './conversation.ts'
import type { StepInput } from './scenario.ts'
import { toSample } from './schema-sample.ts'

/** Names agents give their shell, without case and punctuation; the first found wins. */
const SHELLS = [
  'execcommand',
  'shellcommand',
  'shell',
  'bash',
  'localshell',
  'executecommand',
  'runcommand',
  'runshellcommand',
  'runterminalcommand',
  'runterminalcmd',
  'runinterminal',
  'terminal',
  'containerexec',
  'developershell',
  'execute',
  'exec',
]
const COMMAND_KEYS = ['cmd', 'command', 'commands', 'script', 'shell_command', 'code', 'input']
const ASKS = /\b(?:run|runs|running|execute|executes|executing|exec)\b/i
const QUOTED = /```(?:\w*\n)?([\s\S]+?)```|`([^`\n]+)`/g
const BARE =
  /\b(?:run|execute)\s+(?:the\s+)?(?:shell\s+)?(?:command\b)?\s*:?\s*["'“]?(.+?)["'”]?(?:,?\s+(?:and|then)\b.*|[.!?])?\s*$/is

/** The tool that runs commands, if there is one. */
export function findShell(tools: readonly OfferedTool[]): OfferedTool | undefined {
  for (const shell of SHELLS) {
    const found = tools.find(({ name }) => name.toLowerCase().replace(/[^a-z]/g, '') === shell)
    if (found !== undefined) return found
  }
  return undefined
}

/** The commands a prompt asks to run: what stands in backticks, else what follows "run". */
export function findCommands(prompt: string): string[] {
  const asked = prompt.search(ASKS)
  if (asked === -1) return []
  const quoted = [...prompt.slice(asked).matchAll(QUOTED)].map((match) => (match[1] ?? match[2] ?? '').trim())
  if (quoted.length > 0) return quoted.filter((command) => command !== '')
  const bare = BARE.exec(prompt)?.[1]?.trim()
  return bare === undefined || bare === '' ? [] : [bare]
}

/** The call that runs `command`, in the form the tool declares. */
export function toShellCall(tool: OfferedTool, command: string): StepInput {
  const namespace = tool.namespace === undefined ? {} : { namespace: tool.namespace }
  if (tool.type !== 'custom') {
    return { tool_call: { name: tool.name, arguments: toArguments(tool.parameters, command), ...namespace } }
  }
  const quoted = JSON.stringify(command)
  // The Codex CLI's code mode: a script in which the shell is one of `tools` (upstream.md §1.5).
  const script = `const result = await tools.exec_command({ cmd: ${quoted} });\ntext(result.output ?? JSON.stringify(result));`
  return { custom_tool_call: { name: tool.name, input: tool.name === 'exec' ? script : command, ...namespace } }
}

/** The required members by their schema, the command in its place as text or as an argument list. */
function toArguments(parameters: JsonObject, command: string): JsonObject {
  const properties = objectAt(parameters, 'properties') ?? {}
  const key = COMMAND_KEYS.find((name) => name in properties) ?? 'command'
  const sample = toSample({ ...parameters, type: 'object' }, `Runs ${command}`, parameters)
  const rest = isObject(sample) ? sample : {}
  for (const [name, value] of Object.entries(rest)) {
    if (typeof value === 'string' && /^(?:workdir|cwd|path|directory|working_directory)$/i.test(name)) rest[name] = '.'
  }
  return { ...rest, [key]: takesList(properties[key]) ? ['bash', '-lc', command] : command }
}

function takesList(schema: unknown): boolean {
  if (!isObject(schema)) return false
  return Array.isArray(schema.type) ? schema.type[0] === 'array' : schema.type === 'array'
}
