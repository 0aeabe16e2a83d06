"""The unmodified Azure IoT SDK for Python, driven by driver-protocol.ts. Started by sdk-process.ts.

One task for each call, so that calls may overlap as they do in a program of devices.
"""

import asyncio
import base64
import json
import os
import sys
import tempfile

import standard_ports  # leads what follows to the test's gate
from azure.iot.device import Message, MethodResponse, X509
from azure.iot.device.aio import IoTHubDeviceClient, IoTHubModuleClient, ProvisioningDeviceClient

clients = {}


def write(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def tell(event, client, value):
    write({"event": event, "client": client, "value": value})


def x509_of(certificate):
    """The SDK wants files; it reads them at every connection."""
    folder = tempfile.mkdtemp(prefix="conformance-")
    paths = []
    for name in ("cert", "key"):
        paths.append(os.path.join(folder, name + ".pem"))
        with open(paths[-1], "w", encoding="ascii") as file:
            file.write(certificate[name])
    return X509(*paths)


def client_of(options):
    settings = {
        "server_verification_cert": options["ca"],
        "websockets": options["transport"] == "MqttWs",
        "connection_retry_interval": 1,
    }
    module = options.get("moduleId")
    kind = IoTHubDeviceClient if module is None else IoTHubModuleClient
    identity = {"device_id": options["deviceId"]}
    if module is not None:
        identity["module_id"] = module
    if "certificate" in options:
        x509 = x509_of(options["certificate"])
        return kind.create_from_x509_certificate(x509, options["host"], **identity, **settings)
    if "tokenSeconds" in options:
        settings["sastoken_ttl"] = options["tokenSeconds"]["valid"]
    words = ["HostName=" + options["host"], "DeviceId=" + options["deviceId"]]
    if module is not None:
        words.append("ModuleId=" + module)
    words.append("SharedAccessKey=" + options["key"])
    return kind.create_from_connection_string(";".join(words), **settings)


def message_of(given):
    message = Message(base64.b64decode(given["body"]))
    message.custom_properties = dict(given["properties"])
    message.message_id = given.get("messageId")
    message.correlation_id = given.get("correlationId")
    message.content_type = given.get("contentType")
    message.content_encoding = given.get("contentEncoding")
    return message


def driver_message_of(message):
    told = {
        "body": base64.b64encode(message.data).decode(),
        "properties": list(message.custom_properties.items()),
        "messageId": message.message_id,
        "correlationId": message.correlation_id,
        "contentType": message.content_type,
        "contentEncoding": message.content_encoding,
    }
    return {name: value for name, value in told.items() if value is not None}


async def open_client(name, asked):
    clients[name] = client_of(asked)
    clients[name].on_background_exception = lambda error: tell("error", name, repr(error))
    await clients[name].connect()


async def send(name, asked):
    await clients[name].send_message(message_of(asked["message"]))


async def twin(name, _asked):
    return await clients[name].get_twin()


async def report(name, asked):
    await clients[name].patch_twin_reported_properties(asked["patch"])


async def watch_desired(name, _asked):
    clients[name].on_twin_desired_properties_patch_received = lambda patch: tell("desired", name, patch)


async def watch_messages(name, asked):
    """The SDK completes a message when it hands it over."""
    if set(asked["settle"]) != {"complete"}:
        raise NotImplementedError("the SDK has no call for it")

    def hand_over(message):
        tell("message", name, driver_message_of(message))
        tell("settled", name, None)

    clients[name].on_message_received = hand_over


async def answer_method(name, asked):
    client = clients[name]

    async def answer(request):
        tell("method", name, request.payload)
        response = MethodResponse.create_from_method_request(request, asked["status"], asked["payload"])
        await client.send_method_response(response)

    client.on_method_request_received = answer


async def register(_name, asked):
    given = (asked["host"], asked["registrationId"], asked["idScope"])
    settings = {"websockets": asked["transport"] == "MqttWs"}
    if "certificate" in asked:
        x509 = x509_of(asked["certificate"])
        client = ProvisioningDeviceClient.create_from_x509_certificate(*given, x509, **settings)
    else:
        client = ProvisioningDeviceClient.create_from_symmetric_key(*given, asked["key"], **settings)
    if "payload" in asked:
        client.provisioning_payload = asked["payload"]
    result = await client.register()
    if result.status != "assigned":
        raise RuntimeError(str(result))
    state = result.registration_state
    return {"assignedHub": state.assigned_hub, "deviceId": state.device_id}


async def close(name, _asked):
    await clients.pop(name).shutdown()


DOERS = {
    "open": open_client,
    "send": send,
    "twin": twin,
    "report": report,
    "watchDesired": watch_desired,
    "watchMessages": watch_messages,
    "answerMethod": answer_method,
    "register": register,
    "close": close,
}


async def answer_line(line):
    asked = json.loads(line)
    try:
        result = await DOERS[asked["do"]](asked["client"], asked)
        write({"call": asked["call"], "result": result})
    except Exception as error:  # whatever it is, the suite judges it
        causes = []
        while error is not None:
            causes.append(repr(error))
            error = error.__cause__
        write({"call": asked["call"], "error": " from ".join(causes)})


async def main():
    tasks = set()
    reader = asyncio.StreamReader(limit=2**24)  # a line holds a message
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        task = asyncio.create_task(answer_line(line))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
