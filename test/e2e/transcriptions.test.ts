import { toFile } from 'openai'
import { expect, test } from 'vitest'
import { readError } from '../support/doors.ts'
import { type Running, startGateway } from '../support/gateway.ts'

const PATH = '/v1/audio/transcriptions'

function sound() {
  return toFile(Buffer.from('RIFF....WAVE'), 'speech.wav', { type: 'audio/wav' })
}

async function send({ url }: Running, fields: Readonly<Record<string, string>>, headers: Record<string, string> = {}) {
  const body = new FormData()
  body.append('file', await sound())
  for (const [name, value] of Object.entries(fields)) body.append(name, value)
  return await fetch(url + PATH, { method: 'POST', body, headers, signal: AbortSignal.timeout(20_000) })
}

test('audio.transcriptions.create passes the form on, beside the base, with our sign-in', async () => {
  const { client, simulator } = await startGateway()
  const asked = { file: await sound(), model: 'gpt-4o-transcribe', language: 'de', prompt: 'Namen', temperature: 0 }
  const { data, response } = await client.audio.transcriptions.create(asked).withResponse()
  expect(data.text).toBe('Simulated transcript.')
  expect(response.headers.get('x-codexway-dropped-params')).toBe('temperature')
  const call = simulator.otherCalls.find(({ name }) => name === 'transcribe')
  expect(call?.path).toBe('/backend-api/transcribe')
  expect(call?.body).toEqual({
    file: { filename: 'speech.wav', type: 'audio/wav', text: 'RIFF....WAVE' },
    model: 'gpt-4o-transcribe',
    language: 'de',
    prompt: 'Namen',
  })
  expect(call?.headers.authorization).toMatch(/^Bearer /)
  expect(call?.headers.authorization).not.toContain('unused')
})

test('response_format text is the bare text', async () => {
  const gateway = await startGateway()
  const response = await send(gateway, { model: 'whisper-1', response_format: 'text' })
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
  expect(await response.text()).toBe('Simulated transcript.\n')
})

test('other formats, streams, strict drops and bodies that are no form are refused, and nothing is sent', async () => {
  const gateway = await startGateway()
  const refused: [Record<string, string>, string][] = [
    [{ response_format: 'srt' }, 'response_format'],
    [{ response_format: 'verbose_json' }, 'response_format'],
    [{ stream: 'true' }, 'stream'],
  ]
  for (const [fields, param] of refused) {
    const response = await send(gateway, fields)
    expect(response.status).toBe(400)
    expect(await readError(response)).toMatchObject({ code: 'unsupported_parameter', param })
  }
  const strict = await send(gateway, { temperature: '1' }, { 'x-codexway-strict-params': 'true' })
  expect(await readError(strict)).toMatchObject({ code: 'unsupported_parameter', param: 'temperature' })
  const json = await gateway.post(PATH, { model: 'whisper-1' })
  expect([json.status, (await readError(json)).code]).toEqual([415, 'unsupported_media_type'])
  expect(gateway.simulator.countCalls('transcribe')).toBe(0)
})

test('a backend that has no such path is told of as it is', async () => {
  const gateway = await startGateway()
  gateway.simulator.playCall('transcribe', { status: 404, body: { detail: 'Not Found' } }, { status: 200, body: {} })
  const missing = await send(gateway, {})
  expect([missing.status, (await readError(missing)).message]).toEqual([404, 'Not Found'])
  const empty = await send(gateway, {})
  expect([empty.status, (await readError(empty)).code]).toEqual([502, 'upstream_bad_response'])
})

test('speech and translations are 404 and say what there is', async () => {
  const { post } = await startGateway()
  for (const path of ['/v1/audio/speech', '/v1/audio/translations']) {
    const response = await post(path, { model: 'tts-1', input: 'x', voice: 'alloy' })
    expect(response.status).toBe(404)
    expect(await readError(response)).toMatchObject({
      code: 'unknown_url',
      message: expect.stringContaining('/v1/audio/transcriptions'),
    })
  }
})
