import { type JsonObject, stringAt } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'
import { asObject } from '../../turn/read-body.ts'
import { readText } from './content.ts'

/** A tool's state by its name, as `tool_addition` and `tool_removal` blocks left it. */
export interface ToolChanges {
  readonly toolChanges: Map<string, ToolChange>
}

export interface ToolChange {
  readonly isRemoved: boolean
  /** A definition that the request's `tools` do not have, and where it stands. */
  readonly definition?: { readonly tool: JsonObject; readonly path: string }
}

/** Content of a `system` role among the messages → input parts; changes of the tools on offer are noted. */
export function readSystemMessage(content: unknown, path: string, changes: ToolChanges): JsonObject[] {
  if (content === undefined || content === null || content === '') return []
  if (typeof content === 'string') return [{ type: 'input_text', text: content }]
  if (!Array.isArray(content)) throw invalidField(path, `${path} must be a string or a list of content blocks.`)
  return content.flatMap((value, index) =>
    readBlock(asObject(value, `${path}[${index}]`), `${path}[${index}]`, changes),
  )
}

function readBlock(block: JsonObject, path: string, { toolChanges }: ToolChanges): JsonObject[] {
  switch (block.type) {
    case 'text': {
      const text = readText(block, path)
      return text === '' ? [] : [{ type: 'input_text', text }]
    }
    case 'tool_addition':
    case 'tool_removal': {
      const [name, change] = readChange(block, path)
      toolChanges.set(name, change)
      return []
    }
    default:
      throw invalidField(`${path}.type`, `${path}.type must be one of: text, tool_addition, tool_removal.`)
  }
}

function readChange(block: JsonObject, path: string): [name: string, change: ToolChange] {
  const reference = asObject(block.tool, `${path}.tool`)
  const isRemoved = block.type === 'tool_removal'
  if (reference.type === 'tool_definition' && !isRemoved) {
    const tool = asObject(reference.definition, `${path}.tool.definition`)
    return [stringAt(tool, 'name') ?? '', { isRemoved, definition: { tool, path: `${path}.tool.definition` } }]
  }
  const name = stringAt(reference, 'name') ?? ''
  if (reference.type === 'tool_reference' && name !== '') return [name, { isRemoved }]
  throw invalidField(`${path}.tool`, `${path}.tool must be a tool_reference with a name, or define the added tool.`)
}
