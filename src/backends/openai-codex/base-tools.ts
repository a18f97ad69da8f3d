import type { JsonObject } from '../../lib/json.ts'

const integer = (description: string) => ({ type: 'integer', description })
const string = (description: string) => ({ type: 'string', description })

function functionTool(name: string, description: string, properties: JsonObject, required: string[]): JsonObject {
  const parameters = { type: 'object', properties, required, additionalProperties: false }
  return { type: 'function', name, description, strict: false, parameters }
}

const PATCH_GRAMMAR = `start: "*** Begin Patch" NEWLINE change+ "*** End Patch" NEWLINE?
change: add | remove | edit
add: "*** Add File: " PATH NEWLINE added+
remove: "*** Delete File: " PATH NEWLINE
edit: "*** Update File: " PATH NEWLINE move? hunk+
move: "*** Move to: " PATH NEWLINE
hunk: "@@" CONTEXT? NEWLINE line+
line: added | removed | kept
added: "+" REST NEWLINE
removed: "-" REST NEWLINE
kept: " " REST NEWLINE
PATH: /[^\\n]+/
CONTEXT: /[^\\n]+/
REST: /[^\\n]*/
NEWLINE: /\\n/
`

/** The four tools of `tool_schema_mode: codex_default` and `merge_custom` (connector.md §5.6), in our own words. */
export const BASE_TOOLS: readonly JsonObject[] = [
  functionTool(
    'exec_command',
    'Run a shell command on the machine of the user and return what it prints.',
    {
      cmd: string('The command line.'),
      workdir: string('Directory to run it in; the current one if left out.'),
      yield_time_ms: integer('Return after this many milliseconds even if the command is still running.'),
      max_output_tokens: integer('Cut the output to about this many tokens.'),
    },
    ['cmd'],
  ),
  functionTool(
    'write_stdin',
    'Send text to a command that is still running and return what it prints next.',
    {
      session_id: integer('The running command, as exec_command named it.'),
      chars: string('The text to send; may be empty to just read.'),
      yield_time_ms: integer('Return after this many milliseconds.'),
      max_output_tokens: integer('Cut the output to about this many tokens.'),
    },
    ['session_id'],
  ),
  {
    type: 'custom',
    name: 'apply_patch',
    description: 'Change files: add, delete or edit them by a patch in the given format.',
    format: { type: 'grammar', syntax: 'lark', definition: PATCH_GRAMMAR },
  },
  functionTool('view_image', 'Look at an image file.', { path: string('Path of the image.') }, ['path']),
]
