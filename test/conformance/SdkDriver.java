// The unmodified Azure IoT SDK for Java, driven by driver-protocol.ts. Started by sdk-process.ts.
//
// One thread for each call, so that calls may overlap as they do in a program of devices.

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.InternalClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubMessageResult;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.MessageProperty;
import com.microsoft.azure.sdk.iot.device.ModuleClient;
import com.microsoft.azure.sdk.iot.device.MultiplexingClient;
import com.microsoft.azure.sdk.iot.device.MultiplexingClientOptions;
import com.microsoft.azure.sdk.iot.device.twin.DirectMethodResponse;
import com.microsoft.azure.sdk.iot.device.twin.Twin;
import com.microsoft.azure.sdk.iot.device.twin.TwinCollection;
import com.microsoft.azure.sdk.iot.provisioning.device.AdditionalData;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClient;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClientRegistrationResult;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClientStatus;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClientTransportProtocol;
import com.microsoft.azure.sdk.iot.provisioning.security.SecurityProvider;
import com.microsoft.azure.sdk.iot.provisioning.security.SecurityProviderSymmetricKey;
import com.microsoft.azure.sdk.iot.provisioning.security.hsm.SecurityProviderX509Cert;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

final class SdkDriver {
  private static final Gson JSON = new GsonBuilder().serializeNulls().create();
  private static final char[] NO_PASSWORD = "password".toCharArray();
  /** Standard output is for the protocol; whatever else is printed goes to standard error. */
  private static final PrintStream OUT =
      new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);

  private static final Map<String, Open> OPEN = new ConcurrentHashMap<>();

  /** A client, and what its close takes. */
  private static final class Open {
    final InternalClient client;
    final MultiplexingClient shared;
    final String name;
    private boolean isSubscribed;
    private volatile boolean isWatched;

    Open(String name, InternalClient client, MultiplexingClient shared) {
      this.name = name;
      this.client = client;
      this.shared = shared;
    }

    /** The SDK wants it before anything else is asked of a twin. */
    synchronized void subscribe() throws Exception {
      if (isSubscribed) return;
      client.subscribeToDesiredProperties(
          (twin, context) -> {
            if (isWatched) tell("desired", name, sectionOf(twin.getDesiredProperties()));
          },
          null);
      isSubscribed = true;
    }

    void watchDesired() throws Exception {
      isWatched = true;
      subscribe();
    }

    void close() throws Exception {
      if (shared == null) client.close();
      else shared.unregisterDeviceClient((DeviceClient) client);
    }
  }

  private interface Doer {
    JsonElement run(String client, JsonObject asked) throws Exception;
  }

  private static final Map<String, Doer> DOERS =
      Map.ofEntries(
          Map.entry("open", SdkDriver::open),
          Map.entry("send", SdkDriver::send),
          Map.entry("sendBatch", SdkDriver::sendBatch),
          Map.entry("twin", SdkDriver::twin),
          Map.entry("report", SdkDriver::report),
          Map.entry("watchDesired", SdkDriver::watchDesired),
          Map.entry("watchMessages", SdkDriver::watchMessages),
          Map.entry("answerMethod", SdkDriver::answerMethod),
          Map.entry("register", SdkDriver::register),
          Map.entry("close", SdkDriver::close));

  public static void main(String[] words) throws Exception {
    System.setOut(System.err);
    trustAuthority();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonObject asked = JsonParser.parseString(line).getAsJsonObject();
      Thread thread = new Thread(() -> answer(asked));
      thread.setDaemon(true);
      thread.start();
    }
    System.exit(0);
  }

  /** Provisioning has no option for an authority of its own: as who imports it into the machine's trust store. */
  private static void trustAuthority() throws Exception {
    String path = System.getenv("SSL_CERT_FILE");
    if (path == null) return;
    KeyStore store = emptyStore();
    store.setCertificateEntry("hub", certificatesOf(Files.readString(Path.of(path))).get(0));
    Path file = Files.createTempFile("conformance-", ".p12");
    file.toFile().deleteOnExit();
    try (var out = Files.newOutputStream(file)) {
      store.store(out, NO_PASSWORD);
    }
    System.setProperty("javax.net.ssl.trustStore", file.toString());
    System.setProperty("javax.net.ssl.trustStorePassword", new String(NO_PASSWORD));
    System.setProperty("javax.net.ssl.trustStoreType", "PKCS12");
  }

  private static void answer(JsonObject asked) {
    JsonObject said = new JsonObject();
    said.add("call", asked.get("call"));
    try {
      JsonElement result = DOERS.get(text(asked, "do")).run(text(asked, "client"), asked);
      said.add("result", result == null ? JsonNull.INSTANCE : result);
    } catch (Throwable error) { // whatever it is, the suite judges it
      StringBuilder causes = new StringBuilder();
      for (Throwable one = error; one != null; one = one.getCause()) {
        if (one != error) causes.append(" from ");
        causes.append(one);
      }
      said.addProperty("error", causes.toString());
    }
    write(said);
  }

  private static JsonElement open(String name, JsonObject asked) throws Exception {
    ClientOptions.ClientOptionsBuilder options =
        ClientOptions.builder().sslContext(contextOf(text(asked, "ca"), asked.getAsJsonObject("certificate")));
    if (asked.has("tokenSeconds"))
      options.sasTokenExpiryTime(asked.getAsJsonObject("tokenSeconds").get("valid").getAsLong());
    StringBuilder words = new StringBuilder("HostName=" + text(asked, "host") + ";DeviceId=" + text(asked, "deviceId"));
    if (asked.has("moduleId")) words.append(";ModuleId=").append(text(asked, "moduleId"));
    words.append(asked.has("certificate") ? ";x509=true" : ";SharedAccessKey=" + text(asked, "key"));
    IotHubClientProtocol protocol = protocolOf(text(asked, "transport"));
    InternalClient client =
        asked.has("moduleId")
            ? new ModuleClient(words.toString(), protocol, options.build())
            : new DeviceClient(words.toString(), protocol, options.build());
    MultiplexingClient shared = asked.has("sharedBy") ? sharedOf(asked, protocol) : null;
    Open open = new Open(name, client, shared);
    OPEN.put(name, open);
    if (shared == null) client.open(false);
    else shared.registerDeviceClient((DeviceClient) client);
    return null;
  }

  private static final Map<String, MultiplexingClient> SHARED = new ConcurrentHashMap<>();

  /** The one connection of all clients that share its name. */
  private static synchronized MultiplexingClient sharedOf(JsonObject asked, IotHubClientProtocol protocol)
      throws Exception {
    String name = text(asked, "sharedBy");
    MultiplexingClient known = SHARED.get(name);
    if (known != null) return known;
    MultiplexingClientOptions options =
        MultiplexingClientOptions.builder().sslContext(contextOf(text(asked, "ca"), null)).build();
    MultiplexingClient client = new MultiplexingClient(text(asked, "host"), protocol, options);
    client.open(false);
    SHARED.put(name, client);
    return client;
  }

  private static JsonElement send(String name, JsonObject asked) throws Exception {
    CompletableFuture<JsonElement> sent = new CompletableFuture<>();
    opened(name)
        .client
        .sendEventAsync(
            messageOf(asked.getAsJsonObject("message")),
            (message, error, context) -> settle(sent, error),
            null);
    return sent.get();
  }

  private static JsonElement sendBatch(String name, JsonObject asked) throws Exception {
    List<Message> messages = new ArrayList<>();
    for (JsonElement one : asked.getAsJsonArray("messages")) messages.add(messageOf(one.getAsJsonObject()));
    CompletableFuture<JsonElement> sent = new CompletableFuture<>();
    opened(name).client.sendEventsAsync(messages, (all, error, context) -> settle(sent, error), null);
    return sent.get();
  }

  private static void settle(CompletableFuture<JsonElement> sent, Exception error) {
    if (error == null) sent.complete(null);
    else sent.completeExceptionally(error);
  }

  private static JsonElement twin(String name, JsonObject asked) throws Exception {
    Open open = opened(name);
    open.subscribe();
    Twin twin = open.client.getTwin();
    JsonObject told = new JsonObject();
    told.add("desired", sectionOf(twin.getDesiredProperties()));
    told.add("reported", sectionOf(twin.getReportedProperties()));
    return told;
  }

  private static JsonElement report(String name, JsonObject asked) throws Exception {
    Open open = opened(name);
    open.subscribe();
    TwinCollection patch = new TwinCollection();
    Map<?, ?> given = JSON.fromJson(asked.get("patch"), Map.class);
    given.forEach((key, value) -> patch.put((String) key, value));
    open.client.updateReportedProperties(patch);
    return null;
  }

  private static JsonElement watchDesired(String name, JsonObject asked) throws Exception {
    opened(name).watchDesired();
    return null;
  }

  private static JsonElement watchMessages(String name, JsonObject asked) {
    JsonArray settle = asked.getAsJsonArray("settle");
    AtomicInteger count = new AtomicInteger();
    ((DeviceClient) opened(name).client)
        .setMessageCallback(
            (message, context) -> {
              int at = Math.min(count.getAndIncrement(), settle.size() - 1);
              tell("message", name, driverMessageOf(message));
              tell("settled", name, JsonNull.INSTANCE);
              return IotHubMessageResult.valueOf(settle.get(at).getAsString().toUpperCase());
            },
            null);
    return null;
  }

  private static JsonElement answerMethod(String name, JsonObject asked) throws Exception {
    Object payload = JSON.fromJson(asked.get("payload"), Object.class);
    opened(name)
        .client
        .subscribeToMethods(
            (method, given, context) -> {
              if (!method.equals(text(asked, "name"))) return new DirectMethodResponse(404, null);
              tell("method", name, given.getPayloadAsJsonElement());
              return new DirectMethodResponse(asked.get("status").getAsInt(), payload);
            },
            null);
    return null;
  }

  private static JsonElement register(String name, JsonObject asked) throws Exception {
    ProvisioningDeviceClient client =
        ProvisioningDeviceClient.create(
            text(asked, "host"),
            text(asked, "idScope"),
            ProvisioningDeviceClientTransportProtocol.valueOf(protocolOf(text(asked, "transport")).name()),
            securityOf(asked));
    try {
      AdditionalData data = new AdditionalData();
      if (asked.has("payload")) data.setProvisioningPayload(JSON.toJson(asked.get("payload")));
      ProvisioningDeviceClientRegistrationResult result = client.registerDeviceSync(data);
      if (result.getProvisioningDeviceClientStatus()
          != ProvisioningDeviceClientStatus.PROVISIONING_DEVICE_STATUS_ASSIGNED)
        throw new IllegalStateException(result.getProvisioningDeviceClientStatus().toString());
      JsonObject told = new JsonObject();
      told.addProperty("assignedHub", result.getIothubUri());
      told.addProperty("deviceId", result.getDeviceId());
      return told;
    } finally {
      client.close();
    }
  }

  private static JsonElement close(String name, JsonObject asked) throws Exception {
    opened(name).close();
    OPEN.remove(name);
    return null;
  }

  private static Open opened(String name) {
    Open open = OPEN.get(name);
    if (open == null) throw new IllegalStateException("there is no client " + name);
    return open;
  }

  private static IotHubClientProtocol protocolOf(String transport) {
    switch (transport) {
      case "Mqtt":
        return IotHubClientProtocol.MQTT;
      case "MqttWs":
        return IotHubClientProtocol.MQTT_WS;
      case "Amqp":
        return IotHubClientProtocol.AMQPS;
      case "AmqpWs":
        return IotHubClientProtocol.AMQPS_WS;
      default:
        return IotHubClientProtocol.HTTPS;
    }
  }

  private static Message messageOf(JsonObject given) {
    Message message = new Message(Base64.getDecoder().decode(text(given, "body")));
    for (JsonElement one : given.getAsJsonArray("properties")) {
      JsonArray pair = one.getAsJsonArray();
      String property = pair.get(0).getAsString();
      String value = pair.get(1).getAsString();
      // The SDK has a call of its own for it, and takes it as a property from nobody.
      if (property.equals("iothub-creation-time-utc")) message.setCreationTimeUTC(Date.from(Instant.parse(value)));
      else message.setProperty(property, value);
    }
    if (given.has("messageId")) message.setMessageId(text(given, "messageId"));
    if (given.has("correlationId")) message.setCorrelationId(text(given, "correlationId"));
    message.setContentType(text(given, "contentType"));
    message.setContentEncoding(text(given, "contentEncoding"));
    return message;
  }

  private static JsonObject driverMessageOf(Message message) {
    JsonObject told = new JsonObject();
    told.addProperty("body", Base64.getEncoder().encodeToString(message.getBytes()));
    JsonArray properties = new JsonArray();
    for (MessageProperty property : message.getProperties()) {
      JsonArray pair = new JsonArray();
      pair.add(property.getName());
      pair.add(property.getValue());
      properties.add(pair);
    }
    told.add("properties", properties);
    addIfThere(told, "messageId", message.getMessageId());
    addIfThere(told, "correlationId", message.getCorrelationId());
    addIfThere(told, "contentType", message.getContentType());
    addIfThere(told, "contentEncoding", message.getContentEncoding());
    return told;
  }

  private static void addIfThere(JsonObject told, String name, String value) {
    if (value != null) told.addProperty(name, value);
  }

  /** The SDK keeps the version beside the properties. */
  private static JsonObject sectionOf(TwinCollection section) {
    JsonObject told = section.toJsonElement().getAsJsonObject();
    told.addProperty("$version", section.getVersion());
    return told;
  }

  private static SecurityProvider securityOf(JsonObject asked) throws Exception {
    JsonObject certificate = asked.getAsJsonObject("certificate");
    if (certificate == null) {
      byte[] key = text(asked, "key").getBytes(StandardCharsets.UTF_8);
      return new SecurityProviderSymmetricKey(key, text(asked, "registrationId"));
    }
    List<X509Certificate> chain = certificatesOf(text(certificate, "cert"));
    PrivateKey key = keyOf(text(certificate, "key"), chain.get(0));
    return new SecurityProviderX509Cert(chain.get(0), key, chain.subList(1, chain.size()));
  }

  /** Trusts the hub's authority; shows `certificate` where there is one. */
  private static SSLContext contextOf(String ca, JsonObject certificate) throws Exception {
    KeyStore trusted = emptyStore();
    trusted.setCertificateEntry("hub", certificatesOf(ca).get(0));
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLSv1.2");
    context.init(certificate == null ? null : keysOf(certificate), trust.getTrustManagers(), null);
    return context;
  }

  private static KeyManager[] keysOf(JsonObject certificate) throws Exception {
    List<X509Certificate> chain = certificatesOf(text(certificate, "cert"));
    KeyStore own = emptyStore();
    PrivateKey key = keyOf(text(certificate, "key"), chain.get(0));
    own.setKeyEntry("device", key, NO_PASSWORD, chain.toArray(new X509Certificate[0]));
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(own, NO_PASSWORD);
    return keys.getKeyManagers();
  }

  private static KeyStore emptyStore() throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  private static List<X509Certificate> certificatesOf(String pem) throws Exception {
    List<X509Certificate> certificates = new ArrayList<>();
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    for (var one : factory.generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.UTF_8))))
      certificates.add((X509Certificate) one);
    return certificates;
  }

  private static PrivateKey keyOf(String pem, X509Certificate certificate) throws Exception {
    byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]*-----", ""));
    return KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm())
        .generatePrivate(new PKCS8EncodedKeySpec(der));
  }

  private static String text(JsonObject of, String name) {
    JsonElement value = of.get(name);
    return value == null || value.isJsonNull() ? null : value.getAsString();
  }

  private static void tell(String event, String client, JsonElement value) {
    JsonObject said = new JsonObject();
    said.addProperty("event", event);
    said.addProperty("client", client);
    said.add("value", value);
    write(said);
  }

  private static synchronized void write(JsonObject line) {
    OUT.println(JSON.toJson(line));
    OUT.flush();
  }
}
