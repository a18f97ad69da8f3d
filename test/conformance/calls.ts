import assert from 'node:assert/strict'
import { toFile } from 'openai'
import { ResponsesWS } from 'openai/resources/responses/ws'
import { type Call, emulated, type Lab, passed, refused } from './row.ts'

const MODEL = 'gpt-5.5'
const HELLO = [{ role: 'user' as const, content: 'Hello' }]

/** Calls of the official clients besides turns. */
export const CALLS: readonly Call[] = [
  {
    call: '`openai.models.list`',
    claim: passed(async ({ openai }) => {
      const ids: string[] = []
      for await (const { id } of openai.models.list()) ids.push(id)
      assert.ok(ids.includes(`openai-codex:${MODEL}`) || ids.includes(MODEL), ids.join(' '))
    }),
  },
  {
    call: '`openai.models.retrieve`',
    claim: passed(async ({ openai }) => assert.equal((await openai.models.retrieve(MODEL)).object, 'model')),
  },
  { call: '`openai.models.delete`', claim: refused(405, ({ openai }) => openai.models.delete(MODEL)) },
  {
    call: '`openai.responses.retrieve`',
    claim: emulated([], async (lab) => {
      const { _request_id: _first, ...answer } = await respond(lab)
      const { _request_id: _second, ...kept } = await lab.openai.responses.retrieve(answer.id)
      assert.deepEqual(kept, answer)
    }),
  },
  {
    call: '`openai.responses.retrieve` with `stream: true`',
    claim: refused(400, ({ openai }) => openai.responses.retrieve('resp_1', { stream: true })),
  },
  {
    call: '`openai.responses.inputItems.list`',
    claim: emulated([], async (lab) => {
      const { id } = await respond(lab)
      const items: string[] = []
      for await (const item of lab.openai.responses.inputItems.list(id)) items.push(item.type)
      assert.deepEqual(items, ['message'])
    }),
  },
  {
    call: '`openai.responses.delete`',
    claim: emulated([], async (lab) => {
      const { id } = await respond(lab)
      await lab.openai.responses.delete(id)
      await assert.rejects(async () => lab.openai.responses.retrieve(id), { status: 404 })
    }),
  },
  {
    call: '`openai.responses.inputTokens.count`',
    claim: emulated([], async ({ openai, simulator }) => {
      const { input_tokens: tokens } = await openai.responses.inputTokens.count({ model: MODEL, input: 'Hello' })
      assert.ok(tokens > 0)
      assert.deepEqual(simulator.requests, [])
    }),
  },
  { call: '`openai.responses.cancel`', claim: refused(404, ({ openai }) => openai.responses.cancel('resp_1')) },
  {
    call: '`openai.responses.compact`',
    claim: refused(404, ({ openai }) => openai.responses.compact({ model: MODEL, input: 'Hello' })),
  },
  {
    call: '`ResponsesWS`: Responses over a WebSocket of the client’s',
    claim: passed(async ({ openai }) => {
      const socket = new ResponsesWS(openai, { reconnect: null })
      const completed = new Promise<string>((resolve, reject) => {
        socket.once('response.completed', ({ response }) => resolve(response.status ?? ''))
        socket.once('error', reject)
      })
      socket.send({ type: 'response.create', model: MODEL, input: 'Hello', store: false })
      assert.equal(await completed, 'completed')
      socket.close()
    }),
  },
  {
    call: '`openai.chat.completions.retrieve`, `update`, `delete`',
    claim: allRefused(404, [
      ({ openai }) => openai.chat.completions.retrieve('chatcmpl-1'),
      ({ openai }) => openai.chat.completions.update('chatcmpl-1', { metadata: {} }),
      ({ openai }) => openai.chat.completions.delete('chatcmpl-1'),
    ]),
  },
  { call: '`openai.chat.completions.list`', claim: refused(405, ({ openai }) => openai.chat.completions.list()) },
  {
    call: '`openai.conversations.create`',
    claim: refused(404, ({ openai }) => openai.conversations.create({})),
  },
  {
    call: '`openai.completions.create`, the form before chat',
    claim: passed(async ({ openai }) => {
      const { choices } = await openai.completions.create({ model: MODEL, prompt: ['Hello', 'Again'] })
      assert.deepEqual(
        choices.map(({ index, finish_reason: end, text }) => [index, end, text !== '']),
        [
          [0, 'stop', true],
          [1, 'stop', true],
        ],
      )
    }),
  },
  {
    call: '`openai.images.generate`, `edit`, whole and streamed',
    claim: passed(async ({ openai }) => {
      const { data } = await openai.images.generate({ prompt: 'a dot' })
      assert.ok(data?.[0]?.b64_json)
      const image = await toFile(Buffer.from(data[0].b64_json, 'base64'), 'dot.png', { type: 'image/png' })
      assert.ok((await openai.images.edit({ prompt: 'a blue dot', image })).data?.[0]?.b64_json)
      const types: string[] = []
      for await (const { type } of await openai.images.generate({ prompt: 'a dot', stream: true })) types.push(type)
      assert.deepEqual(types, ['image_generation.completed'])
    }),
  },
  {
    call: '`openai.images.createVariation`',
    claim: refused(404, async ({ openai }) => {
      await openai.images.createVariation({ image: await toFile(Buffer.from('x'), 'x.png') })
    }),
  },
  {
    call: '`openai.audio.transcriptions.create`',
    claim: passed(async ({ openai }) => {
      const file = await toFile(Buffer.from('sound'), 'a.wav')
      const { text } = await openai.audio.transcriptions.create({ file, model: 'whisper-1' })
      assert.equal(text, 'Simulated transcript.')
    }),
  },
  {
    call: '`openai.embeddings`, `audio.speech`, `moderations`, `files`, `batches`',
    claim: allRefused(404, [
      ({ openai }) => openai.embeddings.create({ model: MODEL, input: 'x' }),
      ({ openai }) => openai.audio.speech.create({ model: MODEL, input: 'x', voice: 'alloy' }),
      ({ openai }) => openai.moderations.create({ input: 'x' }),
      ({ openai }) => openai.files.list(),
      ({ openai }) => openai.batches.list(),
    ]),
  },
  {
    call: '`anthropic.messages.countTokens`',
    claim: emulated([], async ({ anthropic, simulator }) => {
      const { input_tokens: tokens } = await anthropic.messages.countTokens({ model: MODEL, messages: HELLO })
      assert.ok(tokens > 0)
      assert.deepEqual(simulator.requests, [])
    }),
  },
  {
    call: '`anthropic.models.list`, `retrieve`',
    claim: passed(async ({ anthropic }) => {
      const ids: string[] = []
      for await (const { id } of anthropic.models.list()) ids.push(id)
      assert.ok(ids.length > 0)
      assert.equal((await anthropic.models.retrieve(ids[0] ?? '')).type, 'model')
    }),
  },
  {
    call: '`anthropic.messages.batches`, `beta.files`',
    claim: allRefused(404, [
      ({ anthropic }) => anthropic.messages.batches.list(),
      ({ anthropic }) => anthropic.beta.files.list(),
    ]),
  },
]

function respond({ openai }: Lab) {
  return openai.responses.create({ model: MODEL, input: 'Hello' })
}

function allRefused(status: number, asks: readonly ((lab: Lab) => PromiseLike<unknown>)[]) {
  return {
    outcome: 'refused' as const,
    async check(lab: Lab) {
      for (const ask of asks) await refused(status, ask).check(lab)
    },
  }
}
