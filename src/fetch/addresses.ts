import ipaddr from 'ipaddr.js'

/** Global unicast (RFC 4291): everything else of IPv6 is local, mapped, translated or reserved. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')
/** Inside public ranges, but not public hosts. */
const EXCEPTIONS = [
  // The platform service of Azure, which answers to virtual machines alone.
  '168.63.129.16/32',
  // Documentation (RFC 9637).
  '3fff::/20',
  // Translators of IPv4: they lead to another address than the one they show.
  '2002::/16',
  '2001::/23',
].map((range) => ipaddr.parseCIDR(range))

/** Whether an IP address, in any spelling, is public unicast: one that a stranger's address may lead to. */
export function isPublicAddress(text: string): boolean {
  const bare = text.replace(/^\[|\]$/g, '')
  // A zone (fe80::1%eth0) names an interface of this machine.
  if (bare.includes('%') || !ipaddr.isValid(bare)) return false
  const address = ipaddr.parse(bare)
  if (address.range() !== 'unicast') return false
  if (address instanceof ipaddr.IPv6 && !address.match(GLOBAL_UNICAST)) return false
  return !EXCEPTIONS.some((range) => range[0].kind() === address.kind() && address.match(range))
}

export function isIpLiteral(hostname: string): boolean {
  return ipaddr.isValid(hostname.replace(/^\[|\]$/g, ''))
}
