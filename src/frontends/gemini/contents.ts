import { isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import { CallLedger } from '../../turn/call-ledger.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { toJsonText } from '../../turn/json-text.ts'
import { asObject, readArray } from '../../turn/read-body.ts'
import type { InputItem } from '../../turn/turn.ts'
import { type Part, partsOf, textOf, toDataPart, toInputParts } from './parts.ts'
import { toReasoningItem } from './signature.ts'
import { camelKeys } from './spelling.ts'

export interface Conversation {
  readonly input: InputItem[]
  /** `contents.parts.NAME` of what has no place in the backend's form. */
  readonly dropped: ReadonlySet<string>
}

/** `systemInstruction` and `contents` → input items, order kept. @throws GatewayError with the path */
export function readContents(fields: JsonObject): Conversation {
  const contents = readArray(fields, 'contents') ?? []
  if (contents.length === 0) throw invalidField('contents', 'contents must be a list of at least one content.')
  const reader = new ContentReader()
  reader.readSystem(fields.systemInstruction)
  for (const [index, value] of contents.entries())
    reader.read(asObject(value, `contents[${index}]`), `contents[${index}]`)
  reader.calls.refuseOpen()
  refuseStarted(contents)
  return reader
}

class ContentReader implements Conversation {
  readonly input: InputItem[] = []
  readonly dropped = new Set<string>()
  readonly calls = new CallLedger()
  /** What the client was shown of a reasoning whose signature has not come yet. */
  #thoughts = ''

  readSystem(instruction: unknown): void {
    if (instruction === undefined || instruction === null) return
    const path = 'systemInstruction'
    const isText = typeof instruction === 'string'
    const content = isText ? { parts: [{ text: instruction }] } : asObject(instruction, path)
    const texts = partsOf(content, path, this.dropped).map(({ part, path: place }) => textOf(part, place))
    this.#message(
      'system',
      texts.filter((text) => text !== '').map((text) => ({ type: 'input_text', text })),
    )
  }

  read(content: JsonObject, path: string): void {
    const parts = partsOf(content, path, this.dropped)
    switch (content.role ?? 'user') {
      case 'user':
      case 'function':
        this.#thoughts = ''
        this.#readUser(parts)
        return
      case 'model':
        for (const part of parts) this.#readModel(part)
        return
      default:
        throw invalidField(`${path}.role`, `${path}.role must be user or model.`)
    }
  }

  #readUser(parts: readonly Part[]): void {
    let message: JsonObject[] = []
    for (const part of parts) {
      if ((part.part.functionResponse ?? null) === null) {
        message.push(...toInputParts(part))
        continue
      }
      this.#message('user', message)
      message = []
      this.#readResponse(part)
    }
    this.#message('user', message)
  }

  #readModel({ part, path }: Part): void {
    const text = textOf(part, path)
    if (part.thought === true) this.#thoughts += text
    const reasoning = toReasoningItem(part, this.#thoughts)
    if (reasoning !== undefined) {
      this.input.push(reasoning)
      this.#thoughts = ''
    }
    if (part.thought === true) return
    if ((part.functionCall ?? null) !== null) this.#readCall(part, path)
    else if ((part.functionResponse ?? null) !== null) this.#readResponse({ part, path })
    else if ((part.inlineData ?? null) !== null) this.dropped.add('contents.parts.inlineData')
    else if (text !== '') this.#say(text)
  }

  /** Streamed pieces come back as parts, or contents, of their own: they are one message. */
  #say(text: string): void {
    const last = this.input.at(-1)
    const said = last?.role === 'assistant' && Array.isArray(last.content) ? last.content[0] : undefined
    if (isObject(said)) said.text = `${said.text}${text}`
    else this.#message('assistant', [{ type: 'output_text', text }])
  }

  #readCall(part: JsonObject, path: string): void {
    const call = camelKeys(asObject(part.functionCall, `${path}.functionCall`))
    const name = nameOf(call, `${path}.functionCall.name`)
    const args = toJsonText(call.args ?? {}, `${path}.functionCall.args`)
    const callId = this.calls.open(stringAt(call, 'id') ?? '', name, path)
    this.input.push({ type: 'function_call', call_id: callId, name, arguments: args })
  }

  #readResponse({ part, path }: Part): void {
    const place = `${path}.functionResponse`
    const response = camelKeys(asObject(part.functionResponse, place))
    const name = nameOf(response, `${place}.name`)
    const text = toJsonText(response.response ?? {}, `${place}.response`)
    const files = (readArray(response, 'parts', `${place}.parts`) ?? []).map((value, index) => {
      const filePath = `${place}.parts[${index}]`
      return toDataPart(camelKeys(asObject(value, filePath)), filePath)
    })
    const callId = this.calls.answer(stringAt(response, 'id') ?? '', name)
    if (callId === undefined) {
      const note = `Result of an earlier call of the function "${name}":\n${text}`
      this.#message('developer', [{ type: 'input_text', text: note }])
      return
    }
    const output = files.length === 0 ? text : [{ type: 'input_text', text }, ...files]
    this.input.push({ type: 'function_call_output', call_id: callId, output })
  }

  #message(role: string, content: readonly JsonObject[]): void {
    if (content.length > 0) this.input.push({ type: 'message', role, content })
  }
}

function nameOf(object: JsonObject, path: string): string {
  const name = stringAt(object, 'name') ?? ''
  if (name === '') throw invalidField(path, `${path} must name the function.`)
  return name
}

/** A started answer would not be continued but answered, which is not what the client asked for. */
function refuseStarted(contents: readonly unknown[]): void {
  const last = contents.at(-1)
  if (!isObject(last) || last.role !== 'model') return
  const param = `contents[${contents.length - 1}]`
  throw new GatewayError(
    'unsupported_parameter',
    `${param}: this backend does not continue a started answer; the conversation must end with a user's content.`,
    { param },
  )
}
