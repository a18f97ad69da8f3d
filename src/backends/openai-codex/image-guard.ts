import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Why an image's place is not visited; the message is for the client. */
export class ImageRefusal extends Error {
  override readonly name = 'ImageRefusal'
}

export interface ImageTarget {
  readonly url: URL
  /** Named in `remote_image_hosts`: neither https nor a public address is asked of it. */
  readonly isExempt: boolean
}

/**
 * What can be said of an image URL without a connection (connector.md §7.3). Names are checked by `publicLookup` when
 * they are resolved; an address written out never meets a resolver and is checked here.
 * @throws ImageRefusal
 */
export function parseImageTarget(text: string, exemptHosts: readonly string[], base?: URL): ImageTarget {
  const url = URL.parse(text, base)
  if (url === null) throw new ImageRefusal('it is no valid URL')
  if (url.username !== '' || url.password !== '') throw new ImageRefusal('its URL holds a user name or password')
  const isExempt = exemptHosts.some((host) => isSameHost(host, url))
  if (isExempt && (url.protocol === 'http:' || url.protocol === 'https:')) return { url, isExempt }

  if (url.protocol !== 'https:') throw new ImageRefusal('only https: and data: URLs are allowed')
  const address = url.hostname.replace(/^\[|\]$/g, '')
  if (ipaddr.isValid(address) && !isPublicAddress(address)) throw new ImageRefusal('its address is not a public one')
  return { url, isExempt: false }
}

/** Resolves a name to its public addresses only, and the one checked is the one connected to: it cannot change between. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, '', 0)
      return
    }
    const allowed = addresses.filter(({ address }) => isPublicAddress(address))
    const [first] = allowed
    if (first === undefined) callback(new ImageRefusal('its address is not a public one'), '', 0)
    else if (options.all === true) callback(null, allowed)
    else callback(null, first.address, first.family)
  })
}

/** Global unicast only; an IPv4 address inside an IPv6 one counts as what it is. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false
  const address = ipaddr.process(text)
  if (address.range() !== 'unicast') return false
  // What IPv6 has given out so far; the rest holds old forms of embedded IPv4 addresses.
  return address.kind() === 'ipv4' || address.match(ipaddr.parseCIDR('2000::/3'))
}

/** `host` means any port of it. */
function isSameHost(entry: string, url: URL): boolean {
  const wanted = entry.toLowerCase()
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return wanted === url.hostname || wanted === `${url.hostname}:${port}`
}
