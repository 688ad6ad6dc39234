import { isIpLiteral, isPublicAddress } from './addresses.ts'

/** Ports of the web; whatever else listens somewhere is not meant to be read by address. */
export const WEB_PORTS = [80, 443, 8080, 8443]
const USUAL_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }
/** Names that never lead to a public host (RFC 6761, RFC 6762, RFC 8375, and cloud metadata). */
const PRIVATE_NAMES = /(^|\.)(localhost|local|internal|intranet|lan|home|corp|localdomain|home\.arpa)$/

/** Which addresses may be fetched: public hosts over http and https, and those the operator trusts. */
export class AddressPolicy {
  readonly #ports: ReadonlySet<number>
  readonly #trusted: ReadonlySet<string>

  /** @param trusted hosts that are not checked, each with its port where it is not the usual one. */
  constructor(ports: readonly number[], trusted: readonly string[]) {
    this.#ports = new Set(ports)
    this.#trusted = new Set(trusted.map((host) => host.toLowerCase()))
  }

  isTrusted(url: URL): boolean {
    return this.#trusted.has(url.host)
  }

  /** Why an address may not be fetched, as far as the address alone shows; null when it may be dialled. */
  refusalOf(address: string): string | null {
    const url = URL.canParse(address) ? new URL(address) : null
    if (url === null) return 'it is not an address'
    const usualPort = USUAL_PORTS[url.protocol]
    if (usualPort === undefined) return 'only http and https are fetched'
    if (url.username !== '' || url.password !== '') return 'it carries a user name'
    if (this.isTrusted(url)) return null
    const port = url.port === '' ? usualPort : Number(url.port)
    if (!this.#ports.has(port)) return `port ${port} is not one of the web`
    return hostRefusal(url.hostname)
  }
}

/** Why a host may not be dialled, by its name or literal alone; a name is checked again when it is resolved. */
export function hostRefusal(hostname: string): string | null {
  if (isIpLiteral(hostname)) return isPublicAddress(hostname) ? null : 'it leads to a private network'
  const name = hostname.toLowerCase().replace(/\.$/, '')
  if (!name.includes('.') || PRIVATE_NAMES.test(name)) return 'it leads to a private network'
  return null
}
