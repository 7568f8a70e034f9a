//! FileZilla: a file for its site manager, with one site for each door that is on. FileZilla asks for the secret.

use super::super::SetupKind;
use super::super::place::Rights;
use super::super::quote::Xml;
use super::super::text::{Draft, Text, put};
use super::FileSetup;
use super::place::{Address, Off};

/// Its numbers for the protocols.
const SFTP: u8 = 1;
const IMPLICIT: u8 = 3;
const EXPLICIT: u8 = 4;
const PLAIN: u8 = 6;
/// That it asks for the password, and keeps it until it is closed.
const ASK: u8 = 2;

pub(super) fn write(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.doors.are_off() {
        FileSetup::put_off(out, Off::Ftp);
        return FileSetup::put_off(out, Off::Sftp);
    }
    put!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    put!(out, "<!-- FileZilla: File > Import, choose this file, and tick Site Manager entries. -->");
    if s.rights() == Rights::Write {
        put!(out, "<!-- A write-only key sees empty folders. What is sent arrives all the same. -->");
    }
    put!(out, "<FileZilla3>");
    put!(out, "\t<Servers>");
    if let Some(door) = &s.doors.ftp {
        let protocol = if door.tls { EXPLICIT } else { PLAIN };
        put_site(s, out, Address::of(&door.address), protocol, if door.tls { "FTPS" } else { "FTP" });
    }
    if let Some(address) = &s.doors.ftps {
        put_site(s, out, Address::of(address), IMPLICIT, "FTPS, implicit");
    }
    if let Some(address) = s.sftp() {
        put_site(s, out, address, SFTP, "SFTP");
    }
    put!(out, "\t</Servers>");
    put!(out, "</FileZilla3>");
    Draft::file(SetupKind::Bookmark, "portcullis-filezilla.xml")
}

fn put_site(s: &FileSetup<'_>, out: &mut Text, address: Address<'_>, protocol: u8, way: &str) {
    put!(out, "\t\t<Server>");
    put!(out, "\t\t\t<Host>{}</Host>", Xml(address.host));
    put!(out, "\t\t\t<Port>{}</Port>", address.port);
    put!(out, "\t\t\t<Protocol>{protocol}</Protocol>");
    put!(out, "\t\t\t<Type>0</Type>");
    put!(out, "\t\t\t<User>{}</User>", Xml(s.user));
    put!(out, "\t\t\t<Logontype>{ASK}</Logontype>");
    put!(out, "\t\t\t<PasvMode>MODE_PASSIVE</PasvMode>");
    put!(out, "\t\t\t<EncodingType>UTF-8</EncodingType>");
    put!(out, "\t\t\t<Name>Portcullis {} ({way})</Name>", Xml(s.bucket.unwrap_or(s.user)));
    put!(out, "\t\t</Server>");
}
