import { expect, test } from 'vitest'
import { startGateway } from '../support/gateway.ts'

const ask = (content: string) => ({ role: 'user' as const, content })

test('W-06: the second turn of a conversation goes on from the first', async () => {
  const { client, simulator, logs } = await startGateway({ simulator: { webSocket: 'accept' } })
  const first = await client.chat.completions.create({ model: 'gpt-5.5', messages: [ask('Say one.')] })
  const answer = first.choices[0]?.message
  const second = await client.chat.completions.create({
    model: 'gpt-5.5',
    messages: [ask('Say one.'), { role: 'assistant', content: answer?.content ?? '' }, ask('Say two.')],
  })
  expect(second.choices[0]?.finish_reason).toBe('stop')
  console.log(
    JSON.stringify(
      [simulator.warmUps, simulator.requests].map((l) =>
        l.map(({ body, transport, connection, context }) => ({ body, transport, connection, context })),
      ),
      null,
      1,
    ).slice(0, 9000),
  )
  console.log(logs.join(''))
})
