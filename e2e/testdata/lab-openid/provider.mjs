// An OpenID provider that this project did not write, for the test that signs in with one:
//
//   node provider.mjs CLIENT_ID CLIENT_SECRET REDIRECT_URI
//
// It takes a free port of this machine, says its issuer in one line, and ends when its input does.
import http from 'node:http'
import Provider from 'oidc-provider'

const [client_id, client_secret, redirect_uri] = process.argv.slice(2)

const server = http.createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [{ client_id, client_secret, redirect_uris: [redirect_uri], grant_types: ['authorization_code'], response_types: ['code'] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: `${sub} of elsewhere`, email: `${sub}@elsewhere.example`, email_verified: true }),
    }),
    pkce: { required: () => true, methods: ['S256'] },
    cookies: { keys: [client_secret] },
  })
  server.on('request', provider.callback())
  console.log(issuer)
})
process.stdin.on('end', () => process.exit(0)).resume()
