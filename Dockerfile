# A static binary that runs as nobody, on a read-only root file system:
#
#   docker build -t headroom --build-arg RELEASE=v1.0.0 .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -v "$PWD/headroom.yaml:/etc/headroom/headroom.yaml:ro" -v headroom-data:/data \
#     -e EDRV_API_KEY -e EDRV_WEBHOOK_SECRET -e HEADROOM_ADMIN_TOKEN -p 8080:8080 -p 127.0.0.1:9090:9090 headroom
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
ARG RELEASE=development
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.release=${RELEASE}" -o /headroom ./cmd/headroom
RUN mkdir -p /image/data /image/tmp /image/etc/ssl/certs \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && echo 'nonroot:x:65532:65532::/:/sbin/nologin' > /image/etc/passwd \
 && chown -R 65532:65532 /image/data /image/tmp \
 && mv /headroom /image/headroom

# Time zones are in the binary; certificates are all that it needs beside it.
FROM scratch
COPY --from=build /image /
ENV GOMEMLIMIT=200MiB
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/headroom"]
CMD ["run", "--config", "/etc/headroom/headroom.yaml"]
