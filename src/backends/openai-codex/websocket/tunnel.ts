import { type ClientRequest, type ClientRequestArgs, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'

/** The `createConnection` of a request that goes through a proxy: CONNECT, then TLS inside where the target wants it. */
export function createTunnel(proxy: URL, target: URL, signal: AbortSignal) {
  const isSecure = target.protocol === 'wss:'
  const authority = `${target.hostname}:${target.port === '' ? (isSecure ? 443 : 80) : target.port}`
  return (_options: ClientRequestArgs, onCreate: (error: Error | null, socket: Duplex) => void): undefined => {
    const connecting = askProxy(proxy, authority, signal)
    // Node takes an error alone, which its types do not say.
    const fail = (error: Error) => onCreate(error, undefined as unknown as Duplex)
    connecting.once('error', fail)
    connecting.once('connect', (answer, socket) => {
      connecting.off('error', fail)
      if (answer.statusCode !== 200) {
        socket.destroy()
        fail(new Error(`the proxy ${proxy.host} answered ${answer.statusCode}`))
      } else onCreate(null, isSecure ? secured(socket, target.hostname) : socket)
    })
    connecting.end()
    return undefined
  }
}

function askProxy(proxy: URL, authority: string, signal: AbortSignal): ClientRequest {
  const credentials = decodeURIComponent(`${proxy.username}:${proxy.password}`)
  return (proxy.protocol === 'https:' ? requestHttps : requestHttp)({
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : proxy.port,
    method: 'CONNECT',
    path: authority,
    headers: {
      host: authority,
      ...(credentials === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }),
    },
    agent: false,
    signal,
  })
}

function secured(socket: Socket, host: string): Duplex {
  const name = host.replace(/^\[|\]$/g, '')
  return connectTls({ socket, ...(isIP(name) === 0 ? { servername: name } : { host: name }) })
}
