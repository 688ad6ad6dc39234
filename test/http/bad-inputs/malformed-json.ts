/** Texts that are no JSON (RFC 8259), each wrong in a way of its own; made, not collected. */
export function malformedJson(): (string | Buffer)[] {
  const values = ['1', '"a"', 'null', '{}', '[]', '{"a":1}', '[1]']
  const literals = [
    'nul',
    'NULL',
    'Null',
    'True',
    'tru',
    'falsee',
    'undefined',
    'NaN',
    'Infinity',
    '-Infinity',
    '-',
    '+1',
    'a',
    "'a'",
  ]
  const numbers = [
    '01',
    '-01',
    '1.',
    '.5',
    '1e',
    '1e+',
    '1E-',
    '0x1',
    '1_000',
    '1,5',
    '--1',
    '+-1',
    '1.2.3',
    '0b1',
    '1e1.5',
    '١',
    '1 000',
  ]
  const strings = [
    '"',
    '"a',
    'a"',
    '"\\',
    '"\\x41"',
    '"\\u12"',
    '"\\u00G0"',
    '"\\uD800\\u"',
    '"\t"',
    '"\n"',
    '"\0"',
    '"\\ "',
    '"a""b"',
    '“a”',
  ]
  const objects = [
    '{',
    '}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,}',
    '{a:1}',
    "{'a':1}",
    '{1:1}',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '{"a":1}}',
    '{"a"::1}',
    '{"a":1,,"b":2}',
    '{[]:1}',
    '{null:1}',
    '{"a":1;"b":2}',
    '{"a"=1}',
    '{"a":1',
    '{"a"',
    '{"',
    '{}{}',
  ]
  const arrays = [
    '[',
    ']',
    '[1,]',
    '[,1]',
    '[1,,2]',
    '[1 2]',
    '[1]]',
    '[[1]',
    '[1',
    '[,',
    '[1;2]',
    '[}',
    '{]',
    '[a]',
    '[-]',
    '[1]x',
    '[1]#',
    '[1,\n',
    '[*]',
    '["a",4',
    '[""',
    '[\v1]',
  ]
  const comments = ['/**/1', '1/**/', '{"a":/**/1}', '// a\n1', '{"a":1}// b', '#1', '<!-- -->1']
  const between = values.flatMap((value) => [
    `${value},`,
    `,${value}`,
    `${value}:`,
    `${value}]`,
    `(${value})`,
    `${value}${value.startsWith('{') ? '{}' : 'x'}`,
  ])
  const spaces = ['\u00a0{}', '\u2028{}', '\f{}', '\u3000{}', '\u0085{}']
  const bytes = [
    Buffer.from([0xff]),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
    Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
    Buffer.from([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]),
    Buffer.from([0x22, 0xe2, 0x82, 0x22]),
    Buffer.from('{"a":"b"}', 'utf16le'),
    Buffer.from('\ufeff{"a":"b"}', 'utf16le'),
    Buffer.from('{"a":"b"}', 'utf16le').swap16(),
    Buffer.from('\ufeff{}'),
    Buffer.from('{"a":1}\0'),
    Buffer.from([0x80]),
  ]
  return [
    ...literals,
    ...numbers,
    ...strings,
    ...objects,
    ...arrays,
    ...comments,
    ...between,
    ...spaces,
    ...bytes,
  ]
}

/** Strings that have broken something somewhere: each is welcome, and comes back as it went. */
export function awkwardStrings(): string[] {
  const controls = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code))
  const invisible = [
    0x7f, 0x80, 0x85, 0xa0, 0xad, 0x200b, 0x200e, 0x202e, 0x2028, 0x2029, 0x2066, 0xfeff, 0xfff9, 0xfffd,
    0xffff, 0x1f3f4, 0x10ffff,
  ]
  const words = [
    'undefined null NaN true [object Object] 0 -1 1e400 0x0 00 ∞ constructor __proto__ toString hasOwnProperty',
    '\'; DROP TABLE tasks;-- \' OR 1=1 -- " OR ""=" ${7*7} {{7*7}} <%= 7*7 %> $(id) `id` |id ;id &&id %00 %0a%0d',
    '<script>alert(1)</script> <img/src=x/onerror=alert(1)> javascript:alert(1) &lt; &#x41; ]]> <!--  <![CDATA[',
    '../../../../etc/passwd ..\\..\\boot.ini file:///etc/passwd \\\\host\\share con aux nul.txt .bashrc ~root',
    '%s%s%n %d%p {0} {} \\u0000 \\x00 \\ / // \\" \' ` ´ ‘ ’ “ ”',
    '\u001b[31mred\u001b[0m \u001b]0;title\u0007 \r\nSet-Cookie:x=1',
    'Ω≈ç√∫ 田中さん 中文 السلام עברית हिन्दी ไทย 👩‍👩‍👧‍👦 🏳️‍🌈 Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮ ﷽ ŐőŰű ß ſ İı ǅ ﬁ',
  ].flatMap((line) => [line, ...line.split(' ')])
  return [
    ...controls,
    ...invisible.map((code) => String.fromCodePoint(code)),
    ...words,
    'a'.repeat(10_000),
  ].filter((text) => text !== '')
}
