/** Addresses of machines that a stranger must not reach, each in every way it can be written. */

const LOOPBACK = ['127.0.0.1', '127.0.0.2', '127.1.2.3', '127.255.255.254', '0.0.0.0']
const PRIVATE = [
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.100.100.200',
  '169.254.0.1',
  '169.254.169.254',
  '168.63.129.16',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.168.0.1',
  '192.168.255.255',
  '198.18.0.1',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
]
const PRIVATE_V6 = [
  '::',
  '::1',
  '0:0:0:0:0:0:0:1',
  '0000:0000:0000:0000:0000:0000:0000:0001',
  'fe80::1',
  'fec0::1',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '2001:db8::1',
  '2001::1',
  '100::1',
  '64:ff9b:1::1',
  '3fff::1',
  '5f00::1',
]
const NAMES = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'metadata.google.internal',
  'metadata.google.internal.',
  'router.local',
  'nas.lan',
  'db.corp',
  'printer.home.arpa',
  'kubernetes.default.svc.cluster.local',
  'intranet',
]

const countBytes = (address: string) => address.split('.').map(Number) as [number, number, number, number]
const hex = (value: number, digits = 2) => value.toString(16).padStart(digits, '0')
const fullWidth = (text: string) =>
  Array.from(text, (char) => (/\d/.test(char) ? String.fromCodePoint(0xff10 + Number(char)) : char)).join('')
const percent = (text: string) => Array.from(text, (char) => `%${hex(char.charCodeAt(0))}`).join('')

/** Every notation that URL parsers, name services and C libraries have been seen to take for an IPv4 address. */
function notationsV4(address: string): string[] {
  const [a, b, c, d] = countBytes(address)
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const [high, low] = [hex(a * 256 + b, 4), hex(c * 256 + d, 4)]
  return [
    address,
    `${address}.`,
    `${whole}`,
    `0x${hex(whole, 8)}`,
    `0X${hex(whole, 8).toUpperCase()}`,
    `0${whole.toString(8)}`,
    [a, b, c, d].map((byte) => `0${byte.toString(8)}`).join('.'),
    [a, b, c, d].map((byte) => `000${byte.toString(8)}`).join('.'),
    [a, b, c, d].map((byte) => `0x${hex(byte)}`).join('.'),
    `0x${hex(a)}.${b}.0${c.toString(8)}.${d}`,
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.0x${hex((b * 256 + c) * 256 + d, 6)}`,
    fullWidth(address),
    address.replaceAll('.', '。'),
    address.replaceAll('.', '．'),
    address.replaceAll('.', '｡'),
    percent(address),
    address.replace(/\d/, (digit) => percent(digit)),
    `[::ffff:${address}]`,
    `[::FFFF:${address}]`,
    `[::ffff:${high}:${low}]`,
    `[0:0:0:0:0:ffff:${high}:${low}]`,
    `[::ffff:0:${address}]`,
    `[::${address}]`,
    `[::${high}:${low}]`,
    `[64:ff9b::${address}]`,
    `[64:ff9b::${high}:${low}]`,
    `[64:ff9b:1::${high}:${low}]`,
    `[2002:${high}:${low}::]`,
    `[2002:${high}:${low}::1]`,
    `[2001:0:${high}:${low}::1]`,
    `[2001::${high}:${low}]`,
    `[fe80::5efe:${high}:${low}]`,
  ]
}

/** Hosts as a URL would carry them. */
export function privateHosts(): string[] {
  return [
    ...[...LOOPBACK, ...PRIVATE].flatMap(notationsV4),
    ...PRIVATE_V6.flatMap((address) => [`[${address}]`, `[${address.toUpperCase()}]`, `[${address}%25eth0]`]),
    ...NAMES,
  ]
}

/** Whole URLs: the hosts with paths, users, ports in front and behind. */
export function privateUrls(port: number): string[] {
  const frames = [
    (host: string) => `http://${host}:${port}/`,
    (host: string) => `http://${host}:${port}/latest/meta-data/?a=1#b`,
    (host: string) => `http:\\\\${host}:${port}\\x`,
  ]
  return privateHosts().flatMap((host) => frames.map((frame) => frame(host)))
}

/** What a name service says of private names: one answer, mixed answers, both families. */
export function privateAnswers(): string[][] {
  const privates = [...LOOPBACK, ...PRIVATE, ...PRIVATE_V6, '::ffff:127.0.0.1', '::ffff:7f00:1']
  return privates.flatMap((address) => [
    [address],
    ['8.8.8.8', address],
    [address, '8.8.8.8'],
    ['2606:4700:4700::1111', address],
    ['8.8.8.8', '2606:4700:4700::1111', address],
  ])
}

/** Addresses and names of public hosts; no connection to them is ever made in the tests. */
export function publicHosts(): string[] {
  const v4 = [1, 2, 5, 8, 9, 11, 23, 45, 64, 99, 101, 126, 128, 151, 168, 171, 173, 185, 193, 199, 205, 223]
  const literals = v4.flatMap((first) => [`${first}.1.1.1`, `${first}.200.3.4`, `${first}.77.250.9`])
  const written = literals.slice(0, 44).flatMap((address) => notationsV4(address).slice(1, 3))
  const v6 = [
    '2606:4700:4700::1111',
    '2001:4860:4860::8888',
    '2a00:1450:4001:80b::200e',
    '2400:cb00:2048:1::c629:d7a2',
  ]
  const names = Array.from({ length: 50 }, (_, index) => `www${index}.example.com`)
  return [...literals, ...written, ...v6.map((address) => `[${address}]`), ...names]
}
