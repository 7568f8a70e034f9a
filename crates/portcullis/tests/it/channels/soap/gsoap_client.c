/* What gSOAP generates from the description: a file up beside the envelope, in pieces of a chunked request, and down again. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "FilesSoap11.nsmap"
#include "soapH.h"

static char endpoint[512], user[256], secret[256];

static struct soap *service(int version)
{
    struct soap *soap = soap_new2(SOAP_IO_KEEPALIVE, SOAP_IO_KEEPALIVE | SOAP_IO_CHUNK | SOAP_ENC_MTOM);
    soap_set_version(soap, version);
    soap->recv_timeout = soap->send_timeout = 60;
    return soap;
}

/* gSOAP forgets after every call who calls. */
static struct soap *as(struct soap *soap)
{
    soap->userid = user;
    soap->passwd = secret;
    return soap;
}

static void must(struct soap *soap, int outcome, const char *what)
{
    if (outcome != SOAP_OK) {
        fprintf(stderr, "%s: ", what);
        soap_print_fault(soap, stderr);
        exit(1);
    }
}

/* The code in the detail of a fault. */
static const char *code(struct soap *soap)
{
    struct SOAP_ENV__Detail *detail = NULL;
    if (soap->fault && soap->fault->detail)
        detail = soap->fault->detail;
    else if (soap->fault && soap->fault->SOAP_ENV__Detail)
        detail = soap->fault->SOAP_ENV__Detail;
    if (!detail || !detail->ns1__FileFault)
        return "none";
    return soap_ns1__FaultCode2s(soap, detail->ns1__FileFault->code);
}

static void version(int number, const char *path, unsigned char *bytes, int size)
{
    struct soap *soap = service(number);
    struct _ns1__PutFile put;
    struct _ns1__PutFileResponse stored;
    soap_default__ns1__PutFile(soap, &put);
    put.path = (char *)path;
    put.content.__ptr = bytes;
    put.content.__size = size;
    put.content.type = "application/octet-stream";
    put.content.options = "";
    must(soap, soap_call___ns1__PutFile(as(soap), endpoint, NULL, &put, &stored), "PutFile");
    if (!stored.entry || !stored.entry->size || *stored.entry->size != size) {
        fprintf(stderr, "another size was stored\n");
        exit(1);
    }

    struct _ns1__GetFile get;
    struct _ns1__GetFileResponse got;
    soap_default__ns1__GetFile(soap, &get);
    get.path = (char *)path;
    soap->http_extra_header = "Accept: multipart/related";
    must(soap, soap_call___ns1__GetFile(as(soap), endpoint, NULL, &get, &got), "GetFile");
    if (!got.content.id || got.content.__size != size || memcmp(got.content.__ptr, bytes, (size_t)size) != 0) {
        fprintf(stderr, "the bytes did not come back beside the envelope: %d of %d, %s\n", got.content.__size, size, got.content.id ? got.content.id : "inside");
        exit(1);
    }

    struct _ns1__Stat stat;
    struct _ns1__StatResponse answer;
    soap_default__ns1__Stat(soap, &stat);
    stat.path = "nothing";
    if (soap_call___ns1__Stat(as(soap), endpoint, NULL, &stat, &answer) == SOAP_OK || strcmp(code(soap), "NotFound") != 0) {
        fprintf(stderr, "what is not there: %s\n", code(soap));
        soap_print_fault(soap, stderr);
        exit(1);
    }
    soap_destroy(soap);
    soap_end(soap);
    soap_free(soap);
}

int main(int count, char **words)
{
    FILE *settings = count == 3 ? fopen(words[1], "r") : NULL;
    if (!settings || fscanf(settings, "%511s %255s %255s", endpoint, user, secret) != 3)
        return 2;
    fclose(settings);
    FILE *file = fopen(words[2], "rb");
    if (!file)
        return 2;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    unsigned char *bytes = malloc((size_t)size);
    if (fread(bytes, 1, (size_t)size, file) != (size_t)size)
        return 2;
    fclose(file);
    version(1, "gsoap/one.bin", bytes, (int)size);
    version(2, "gsoap/two.bin", bytes, (int)size);
    return 0;
}
