import { arrayAt, isObject, type JsonObject, objectAt, parseJsonObject, stringAt } from '../../src/lib/json.ts'

export type Door = 'chat' | 'responses' | 'messages'

/** An answer as it came over the wire. */
export interface RawReply {
  readonly door: Door
  readonly stream: boolean
  readonly status: number
  readonly body: string
}

/** What a client makes of it. */
export interface Reading {
  /** Each sign that the answer is over, in order: `success` or `failure`. */
  readonly ends: ('success' | 'failure')[]
  /** Frames behind the last such sign. */
  readonly behindEnd: number
  /** The error's code, where it failed. */
  readonly code: string | undefined
  readonly text: string
  readonly reasoning: string
  readonly callArguments: string
  /** What no client could read. */
  readonly oddities: readonly string[]
}

/** Written after the protocols' documents, without a look at the code under test. */
export function readReply(reply: RawReply): Reading {
  const reader = new ReplyReader()
  if (reply.status !== 200) reader.refusal(reply)
  else if (reply.stream) reader.frames(reply)
  else reader.whole(reply)
  return reader
}

class ReplyReader implements Reading {
  ends: ('success' | 'failure')[] = []
  behindEnd = 0
  code: string | undefined
  text = ''
  reasoning = ''
  callArguments = ''
  oddities: string[] = []
  #isFinished = false

  refusal({ status, body }: RawReply): void {
    if (status < 400) this.oddities.push(`status ${status}`)
    this.#fail(parseJsonObject(body))
  }

  frames({ door, body }: RawReply): void {
    const blocks = body.split('\n\n')
    if (blocks.pop() !== '') this.oddities.push('ends within an event')
    for (const block of blocks) {
      const lines = block.split('\n').filter((line) => !line.startsWith(':'))
      if (lines.length === 0) continue
      const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice('data: '.length))
      if (this.ends.length > 0) this.behindEnd += 1
      if (door === 'chat' && data[0] === '[DONE]') this.#chatDone()
      else {
        const event = parseJsonObject(data.join('\n'))
        if (event === undefined) this.oddities.push(`no JSON: ${block.slice(0, 80)}`)
        else if (door === 'chat') this.#chatChunk(event)
        else if (door === 'responses') this.#responsesEvent(event)
        else this.#messagesEvent(event)
      }
    }
  }

  whole({ door, body }: RawReply): void {
    const answer = parseJsonObject(body)
    if (answer === undefined || isObject(answer.error)) this.oddities.push(`no answer: ${body.slice(0, 80)}`)
    this.ends.push('success')
    if (door === 'chat') this.#chatMessage(objectAt(first(arrayAt(answer ?? {}, 'choices')), 'message') ?? {})
    else if (door === 'messages') for (const block of objects(answer, 'content')) this.#block(block)
    else for (const item of objects(answer, 'output')) this.#item(item)
  }

  #chatDone(): void {
    if (!this.#isFinished) this.oddities.push('[DONE] without a finish_reason')
    this.ends.push('success')
  }

  #chatChunk(chunk: JsonObject): void {
    if ('error' in chunk) {
      if (this.#isFinished) this.oddities.push('an error behind a finish_reason')
      this.#fail(chunk)
      return
    }
    const choice = first(arrayAt(chunk, 'choices'))
    const delta = objectAt(choice, 'delta') ?? {}
    if (this.#isFinished && Object.keys(delta).length > 0) this.oddities.push('a delta behind a finish_reason')
    this.#chatMessage(delta)
    if (typeof choice.finish_reason === 'string') {
      if (this.#isFinished) this.oddities.push('a second finish_reason')
      this.#isFinished = true
    }
  }

  #chatMessage(message: JsonObject): void {
    this.text += stringAt(message, 'content') ?? ''
    this.reasoning += stringAt(message, 'reasoning_content') ?? ''
    for (const call of objects(message, 'tool_calls'))
      this.callArguments += stringAt(objectAt(call, 'function') ?? {}, 'arguments') ?? ''
  }

  #responsesEvent(event: JsonObject): void {
    const delta = stringAt(event, 'delta') ?? ''
    if (event.type === 'response.output_text.delta') this.text += delta
    else if (event.type === 'response.reasoning_summary_text.delta') this.reasoning += delta
    else if (event.type === 'response.function_call_arguments.delta') this.callArguments += delta
    else if (event.type === 'response.completed' || event.type === 'response.incomplete') this.ends.push('success')
    else if (event.type === 'response.failed') this.#fail(objectAt(event, 'response'))
    else if (event.type === 'error') this.#fail({ error: event })
  }

  #item(item: JsonObject): void {
    for (const part of objects(item, 'content')) this.text += stringAt(part, 'text') ?? ''
    for (const part of objects(item, 'summary')) this.reasoning += stringAt(part, 'text') ?? ''
    this.callArguments += stringAt(item, 'arguments') ?? ''
  }

  #messagesEvent(event: JsonObject): void {
    const delta = objectAt(event, 'delta') ?? {}
    this.text += stringAt(delta, 'text') ?? ''
    this.reasoning += stringAt(delta, 'thinking') ?? ''
    this.callArguments += stringAt(delta, 'partial_json') ?? ''
    if (event.type === 'message_stop') this.ends.push('success')
    else if (event.type === 'error') this.#fail(event)
  }

  #block(block: JsonObject): void {
    this.text += stringAt(block, 'text') ?? ''
    this.reasoning += stringAt(block, 'thinking') ?? ''
    if (isObject(block.input)) this.callArguments += JSON.stringify(block.input)
  }

  #fail(holder: JsonObject | undefined): void {
    const error = objectAt(holder ?? {}, 'error')
    if (error === undefined || typeof error.message !== 'string') this.oddities.push('an error without a message')
    this.code = stringAt(error ?? {}, 'code') ?? stringAt(error ?? {}, 'type')
    this.ends.push('failure')
  }
}

function first(list: unknown[] | undefined): JsonObject {
  return isObject(list?.[0]) ? list[0] : {}
}

function objects(holder: JsonObject | undefined, name: string): JsonObject[] {
  return (arrayAt(holder ?? {}, name) ?? []).filter(isObject)
}
