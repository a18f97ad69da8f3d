import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ignoreUpgrade } from './upgrade-request.ts'

test('a request whose upgrade is ignored is answered, and so is what came behind it', async () => {
  const seen: Pick<IncomingMessage, 'url' | 'headers'>[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    response.end(`answer ${seen.length}\n`)
  })
  server.on('upgrade', (request, socket, head) => ignoreUpgrade(server, request, socket, head))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())

  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const upgrade = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\nx-e: ü\r\n'
  const first = `GET /a?b=%20 HTTP/1.1\r\nHost: one\r\n${upgrade}\r\n`
  client.write(Buffer.from(`${first}GET /second HTTP/1.1\r\nhost: two\r\nconnection: close\r\n\r\n`, 'latin1'))
  let answers = ''
  for await (const chunk of client) answers += chunk
  expect(answers.match(/answer \d/g)).toEqual(['answer 1', 'answer 2'])
  expect(seen.map(({ url }) => url)).toEqual(['/a?b=%20', '/second'])
  expect(seen[0]?.headers).toEqual({ host: 'one', connection: 'HTTP2-Settings', 'http2-settings': 'AA', 'x-e': 'ü' })
})
