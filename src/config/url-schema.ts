import { z } from 'zod'

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/

/** `localhost` and names below it, 127.0.0.0/8, ::1. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.test(host.toLowerCase())
}

/** An address that tokens are sent to. */
export const urlSchema = z.string().superRefine((value, context) => {
  const problem = findUrlProblem(value)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
})

/** What is wrong with an address that tokens are sent to (connector.md §2.3). */
export function findUrlProblem(value: string): string | undefined {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'expected an http(s) URL'
  if (url.search !== '' || url.hash !== '') return 'expected a URL without query and fragment'
  if (url.username !== '' || url.password !== '') return 'expected a URL without user name and password'
  if (url.protocol === 'https:' || isLoopbackHost(url.hostname)) return undefined
  return `the token would travel in clear text to ${url.host}; use https, or a loopback address`
}
