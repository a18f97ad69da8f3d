import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import { eventsOf } from '../../turn/delta-run.ts'
import { type GatewayError, toOpenAiError } from '../../turn/errors.ts'
import type { EventBatch, TurnEvent } from '../../turn/events.ts'
import type { Encoder } from '../../turn/frontend.ts'
import { messageText } from '../../turn/output-items.ts'
import type { ImageKind } from './request.ts'
import { noImage } from './result.ts'

const KEEPALIVE = ': keepalive\n\n' as ByteString
/** What the backend says of an image, kept under the same names. */
const KEPT = ['size', 'quality', 'background', 'output_format']

/** The hosted tool's events → `image_generation.*` or `image_edit.*` events. */
export class ImageEncoder implements Encoder {
  readonly #prefix: string
  readonly #nowSeconds: number
  #image: JsonObject | undefined
  #said = ''
  #isEnded = false

  constructor(kind: ImageKind, nowSeconds = Math.floor(Date.now() / 1000)) {
    this.#prefix = kind === 'edits' ? 'image_edit' : 'image_generation'
    this.#nowSeconds = nowSeconds
  }

  push(events: EventBatch): ByteString {
    let text = ''
    for (const event of eventsOf(events)) text += this.#encode(event)
    return text as ByteString
  }

  fail(error: GatewayError): ByteString {
    return `event: error\ndata: ${jsonBytes({ type: 'error', ...toOpenAiError(error) })}\n\n` as ByteString
  }

  keepalive(): ByteString {
    return KEEPALIVE
  }

  #encode({ type, fields }: TurnEvent): string {
    if (this.#isEnded) return ''
    switch (type) {
      case 'response.image_generation_call.partial_image':
        return this.#partial(fields)
      case 'response.output_item.done':
        this.#keep(objectAt(fields, 'item') ?? {})
        return ''
      case 'response.completed':
      case 'response.done':
      case 'response.incomplete':
        return this.#end(objectAt(fields, 'response') ?? {})
      default:
        return ''
    }
  }

  #partial(fields: JsonObject): string {
    const image = stringAt(fields, 'partial_image_b64')
    if (image === undefined) return ''
    const index = numberAt(fields, 'partial_image_index') ?? 0
    return this.#frame('partial_image', { b64_json: image, partial_image_index: index, ...this.#about(fields) })
  }

  #keep(item: JsonObject): void {
    if (item.type === 'message') this.#said += messageText(item, 'output_text') + messageText(item, 'refusal')
    if (item.type === 'image_generation_call' && stringAt(item, 'result') !== undefined) this.#image = item
  }

  #end(response: JsonObject): string {
    this.#isEnded = true
    if (this.#image === undefined)
      for (const item of arrayAt(response, 'output') ?? []) if (isObject(item)) this.#keep(item)
    const { result, ...image } = this.#image ?? {}
    if (typeof result !== 'string' || result === '') return this.fail(noImage(this.#said))
    const usage = objectAt(objectAt(response, 'tool_usage') ?? {}, 'image_gen')
    return this.#frame('completed', {
      b64_json: result,
      ...this.#about(image),
      ...(usage === undefined ? {} : { usage }),
    })
  }

  #about(source: JsonObject): JsonObject {
    const kept = KEPT.flatMap((name) =>
      (source[name] ?? undefined) === undefined ? [] : [[name, source[name]] as const],
    )
    return { created_at: this.#nowSeconds, ...Object.fromEntries(kept) }
  }

  #frame(name: string, fields: JsonObject): string {
    const type = `${this.#prefix}.${name}`
    return `event: ${type}\ndata: ${jsonBytes({ type, ...fields })}\n\n`
  }
}
