// oidc-provider with one client that acts on its own behalf: signed tokens (RS256, ES256) and opaque ones.
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const [port, id, secret] = process.argv.slice(2);

async function key(alg) {
  const { privateKey } = await generateKeyPair(alg, { modulusLength: 2048, extractable: true });
  return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: alg };
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: id,
      client_secret: secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ],
  jwks: { keys: [await key('RS256'), await key('ES256')] },
  ttl: { ClientCredentials: 6 * 60 * 60 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // A resource urn:ALG takes tokens that are signed with this algorithm. Without a resource, a token is opaque.
      getResourceServerInfo: (_, resource) => {
        const alg = resource.slice('urn:'.length);
        return { scope: 'api', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg } } };
      },
    },
  },
});

provider.listen(Number(port), '127.0.0.1');
