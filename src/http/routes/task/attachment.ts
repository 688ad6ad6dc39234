/** What may stand between quotes in a header; everything else is written by RFC 8187. */
const NOT_PLAIN = /[^\w.\- ]+/g

/**
 * Content-Disposition of a file to be saved: a plain name for old clients, the whole one as RFC 8187 writes it.
 *
 * @example attachment('报告-1.md') // attachment; filename="_-1.md"; filename*=UTF-8''%E6%8A%A5%E5%91%8A-1.md
 */
export function attachment(filename: string): string {
  const plain = filename.replace(NOT_PLAIN, '_')
  const whole = encodeURIComponent(filename.toWellFormed()).replace(/['()*]/g, (sign) => {
    return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`
  })
  const extended = plain === filename ? '' : `; filename*=UTF-8''${whole}`
  return `attachment; filename="${plain}"${extended}`
}
