<?php
// What PHP's SoapClient makes of the description, in both versions.

set_error_handler(function ($kind, $text, $file, $line) { throw new ErrorException($text, 0, $kind, $file, $line); });

$given = json_decode(file_get_contents($argv[1]), true);
$bytes = implode('', array_map('chr', range(0, 255)));
$bytes = str_repeat($bytes, 200);

function check(bool $holds, string $what): void {
    if (!$holds) {
        fwrite(STDERR, "$what\n");
        exit(1);
    }
}

function client(array $given, string $who, int $version): SoapClient {
    [$login, $password] = $given[$who];
    $options = ['soap_version' => $version, 'exceptions' => true, 'cache_wsdl' => WSDL_CACHE_NONE, 'features' => SOAP_SINGLE_ELEMENT_ARRAYS];
    if ($who !== 'nobody') {
        $options += ['login' => $login, 'password' => $password];
    }
    if ($given['certificate'] !== null) {
        $options['stream_context'] = stream_context_create(['ssl' => ['cafile' => $given['certificate'], 'verify_peer' => true]]);
    }
    $client = new SoapClient($given['web'] . '/soap?wsdl', $options);
    $client->__setLocation($given['web'] . '/soap');
    return $client;
}

function refused(string $code, callable $call): void {
    try {
        $call();
    } catch (SoapFault $fault) {
        $told = $fault->detail->FileFault->code ?? get_object_vars($fault->detail)['FileFault'] ?? null;
        check($told === $code, "told " . var_export($told, true) . ", not $code: " . $fault->getMessage());
        return;
    }
    check(false, "not refused with $code");
}

foreach ([SOAP_1_1, SOAP_1_2] as $version) {
    $files = client($given, 'read_write', $version);
    $path = "php/$version/ä & b.bin";
    $put = $files->PutFile(['path' => $path, 'content' => $bytes]);
    check((int) $put->entry->size === strlen($bytes), 'the size that was stored');
    check($files->GetFile(['path' => $path])->content === $bytes, 'the bytes that were stored');
    $part = $files->GetFile(['path' => $path, 'offset' => 10, 'length' => 300]);
    check($part->content === substr($bytes, 10, 300), 'some of the bytes');
    $listed = $files->ListFolder(['path' => "php/$version"]);
    check(count($listed->entry) === 1 && $listed->entry[0]->name === 'ä & b.bin', 'what is listed');
    $files->MakeFolder(['path' => "php/$version/empty"]);
    $files->Move(['path' => $path, 'to' => "php/$version/moved"]);
    refused('NotFound', fn () => $files->Stat(['path' => $path]));
    $files->Delete(['path' => "php/$version", 'recursive' => true]);
    $files->PutFile(['path' => "php/kept-$version", 'content' => $bytes]);
    $reader = client($given, 'read', $version);
    check($reader->GetFile(['path' => "php/kept-$version"])->content === $bytes, 'what a reader gets');
    refused('AccessDenied', fn () => $reader->PutFile(['path' => 'no', 'content' => 'x']));
    $writer = client($given, 'write', $version);
    $writer->PutFile(['path' => "php/dropped-$version", 'content' => 'x']);
    refused('AccessDenied', fn () => $writer->GetFile(['path' => "php/kept-$version"]));
}
