import { connect } from 'node:net'
import { listenRaw } from './loopback.ts'

export type Cut = 'closed' | 'reset' | 'silent'

export interface Relay extends AsyncDisposable {
  readonly url: string
  connections(): number
  /** The next bytes over a connection that is open now get no further: they find it closed or reset, or nobody there. */
  cut(how: Cut): void
}

/** Hands bytes on to a port, until it is told to be a dead connection. */
export async function listenRelay(port: number): Promise<Relay> {
  const cuts: ((how: Cut) => void)[] = []
  const server = await listenRaw((socket) => {
    const upstream = connect(port, '127.0.0.1')
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    socket.pipe(upstream).pipe(socket)
    cuts.push((how) => {
      socket.unpipe()
      upstream.unpipe()
      socket.once('data', () => {
        if (how === 'reset') socket.resetAndDestroy()
        else if (how === 'closed') socket.destroy()
      })
      socket.resume()
    })
  })
  return {
    ...server,
    cut(how) {
      for (const cut of cuts.splice(0)) cut(how)
    },
  }
}
