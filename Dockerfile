# Coldpath in a container:
#
#     docker build -t coldpath .
#     docker run -d --name coldpath -v coldpath:/data -p 8883:8883 -p 8443:8443 -p 127.0.0.1:8080:8080 \
#       -e COLDPATH_PUBLIC_HOST=hub.example.com coldpath
#
# Every option is an environment variable (docs/reference/config.md). The web port speaks TLS here, since loopback of a
# container is reached by nobody. Plain MQTT stays on loopback unless COLDPATH_MQTT_HOST=0.0.0.0 says otherwise.
# The web page is built by tools that the image itself does not need.
FROM node:24-slim AS page
WORKDIR /opt/coldpath
COPY package.json package-lock.json .npmrc ./
COPY web ./web
COPY tools/build-page.ts ./tools/
COPY test/lib/script-arguments.ts ./test/lib/
RUN npm ci --ignore-scripts && node tools/build-page.ts

FROM node:24-slim

WORKDIR /opt/coldpath
COPY package.json package-lock.json .npmrc ./
# No install scripts: the only one fetches a Node of its own, and this image has it.
RUN npm ci --omit=dev --ignore-scripts --workspaces=false && npm cache clean --force
COPY coldpath LICENSE ./
COPY src ./src
COPY --from=page /opt/coldpath/web/dist ./web/dist

RUN mkdir /data && chown node:node /data
USER node
ENV NODE_ENV=production COLDPATH_DATA_DIR=/data COLDPATH_WEB_TLS=true
VOLUME /data
EXPOSE 8080 8443 8883

# It asks itself, so the certificate's name and authority prove nothing.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "-e", \
  "require('node:https').get({ host: '127.0.0.1', port: process.env.COLDPATH_WEB_PORT || 8080, path: '/healthz', rejectUnauthorized: false }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]

ENTRYPOINT ["/opt/coldpath/coldpath"]
CMD ["serve"]
