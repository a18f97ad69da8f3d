import { isObject, type JsonObject, objectAt } from '../lib/json.ts'

const NO_PARAMETERS = { type: 'object', properties: {} }

/** A tool in chat or flat form → the flat Responses form the backend takes (connector.md §7.2). Hosted tools pass. */
export function toFlatTool(tool: JsonObject): JsonObject {
  const chatFunction = objectAt(tool, 'function')
  if (tool.type === 'function') return toFlatFunction(chatFunction ?? tool)
  const chatCustom = objectAt(tool, 'custom')
  if (tool.type === 'custom' && chatCustom !== undefined) {
    const { name, description, format, ...rest } = chatCustom
    return {
      type: 'custom',
      name,
      ...(description === undefined ? {} : { description }),
      ...(format === undefined ? {} : { format: toFlatFormat(format) }),
      ...rest,
    }
  }
  return toCurrentWebSearch(tool)
}

/** The backend knows the preview's successor only. */
export function toCurrentWebSearch(tool: JsonObject): JsonObject {
  return typeof tool.type === 'string' && tool.type.startsWith('web_search_preview')
    ? { ...tool, type: 'web_search' }
    : tool
}

function toFlatFunction(source: JsonObject): JsonObject {
  const { type: _type, name, description, parameters, strict, ...rest } = source
  return {
    type: 'function',
    name,
    ...(description === undefined || description === null ? {} : { description }),
    parameters: isObject(parameters) && Object.keys(parameters).length > 0 ? parameters : NO_PARAMETERS,
    strict: strict ?? false,
    ...rest,
  }
}

function toFlatFormat(format: unknown): unknown {
  if (!isObject(format) || !isObject(format.grammar)) return format
  const { syntax, definition } = format.grammar
  return { type: 'grammar', syntax, definition }
}
