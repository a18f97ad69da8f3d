import type {
  CitationsWebSearchResultLocation,
  ContentBlock,
  ServerToolUseBlock,
  TextBlock,
  ToolUseBlock,
  WebSearchToolResultBlock,
} from '@anthropic-ai/sdk/resources/messages'
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../../lib/json.ts'
import { annotationsOf, answerText, inputText, reasoningText, toInputObject } from '../../turn/output-items.ts'
import type { ThinkingShown } from '../../turn/turn.ts'
import { toSignature } from './signature.ts'

/** Of the tools there are, only the model itself calls any. */
const CALLER = { type: 'direct' } as const

/** A finished output item as this API's content blocks; none for what it has no place for. */
export function toBlocks(item: JsonObject, shown: ThinkingShown): ContentBlock[] {
  switch (item.type) {
    case 'message': {
      const text = answerText(item)
      return text === '' ? [] : [{ ...textBlock(), text, ...citationsOf(item) }]
    }
    case 'reasoning': {
      const thinking = shown === 'summarized' ? reasoningText(item) : ''
      const signature = toSignature(item)
      const isEmpty = shown === 'none' || (thinking === '' && signature === '')
      return isEmpty ? [] : [{ type: 'thinking', thinking, signature }]
    }
    case 'function_call':
    case 'custom_tool_call':
      return [{ ...toolUseBlock(item), input: toInputObject(inputText(item)) }]
    case 'web_search_call':
      return toSearchBlocks(item)
    default:
      return []
  }
}

export function textBlock(): TextBlock {
  return { type: 'text', text: '', citations: null }
}

export function toolUseBlock(item: JsonObject): ToolUseBlock {
  const id = stringAt(item, 'call_id') ?? stringAt(item, 'id') ?? ''
  return { type: 'tool_use', id, name: stringAt(item, 'name') ?? '', input: {}, caller: CALLER }
}

export function toCitations(annotations: readonly unknown[]): CitationsWebSearchResultLocation[] {
  return annotations.filter(isObject).flatMap((annotation) => {
    const url = stringAt(annotation, 'url')
    if (annotation.type !== 'url_citation' || url === undefined) return []
    const title = stringAt(annotation, 'title') ?? null
    // The backend cites places of the answer, not of the source.
    return [{ type: 'web_search_result_location', url, title, cited_text: '', encrypted_index: '' }]
  })
}

function citationsOf(item: JsonObject): Pick<TextBlock, 'citations'> {
  const citations = toCitations(annotationsOf(item))
  return { citations: citations.length === 0 ? null : citations }
}

/** A search the backend did by itself: the call, and the pages it read as far as they are told. */
export function toSearchBlocks(item: JsonObject): [ServerToolUseBlock, WebSearchToolResultBlock] {
  const action = objectAt(item, 'action') ?? {}
  const id = `srvtoolu_${(stringAt(item, 'id') ?? '').replace(/^ws_/, '')}`
  const query = stringAt(action, 'query') ?? (arrayAt(action, 'queries') ?? []).join(', ')
  const urls = [...(arrayAt(action, 'sources') ?? []), action]
    .filter(isObject)
    .flatMap((from) => stringAt(from, 'url') ?? [])
  return [
    { type: 'server_tool_use', id, name: 'web_search', input: { query }, caller: CALLER },
    {
      type: 'web_search_tool_result',
      tool_use_id: id,
      caller: CALLER,
      content: urls.map((url) => ({
        type: 'web_search_result',
        url,
        title: url,
        page_age: null,
        encrypted_content: '',
      })),
    },
  ]
}
