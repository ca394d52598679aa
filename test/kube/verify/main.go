// Verify says whether Go's crypto/x509, which all of Kubernetes uses, accepts a certificate.
//
//	verify -ca FILE -cert FILE -usage client|server [-name NAME] [-at RFC3339]
//
// The first certificate of -cert is the leaf and the others are intermediates; every certificate of -ca is a root.
// A server's name is one of its SANs (host or address), a client's is its common name.
// It prints OK, or Go's error and exits 1; wrong arguments and unreadable files exit 2.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"time"
)

var usages = map[string]x509.ExtKeyUsage{
	"client": x509.ExtKeyUsageClientAuth,
	"server": x509.ExtKeyUsageServerAuth,
}

func readCertificates(path string) ([]*x509.Certificate, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%s: no certificate in it", path)
	}
	return certs, nil
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, cert := range certs {
		p.AddCert(cert)
	}
	return p
}

func verify(chain, roots []*x509.Certificate, usage, name string, at time.Time) error {
	leaf := chain[0]
	options := x509.VerifyOptions{
		Roots:         pool(roots),
		Intermediates: pool(chain[1:]),
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{usages[usage]},
	}
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	if name == "" {
		return nil
	}
	if usage == "server" {
		return leaf.VerifyHostname(name)
	}
	if leaf.Subject.CommonName != name {
		return fmt.Errorf("the client's common name is %q, not %q", leaf.Subject.CommonName, name)
	}
	return nil
}

func fail(code int, err error) {
	fmt.Fprintln(os.Stderr, "verify:", err)
	os.Exit(code)
}

func main() {
	ca := flag.String("ca", "", "PEM bundle of roots")
	cert := flag.String("cert", "", "PEM leaf, then intermediates")
	usage := flag.String("usage", "", "client or server")
	name := flag.String("name", "", "name that the leaf must have")
	moment := flag.String("at", "", "instant of the verification, RFC 3339 (default: now)")
	flag.Parse()

	if _, known := usages[*usage]; !known || flag.NArg() > 0 {
		fail(2, fmt.Errorf("-usage must be client or server, and no other argument may follow"))
	}
	at := time.Now()
	if *moment != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, *moment); err != nil {
			fail(2, err)
		}
	}
	roots, err := readCertificates(*ca)
	if err != nil {
		fail(2, err)
	}
	chain, err := readCertificates(*cert)
	if err != nil {
		fail(2, err)
	}
	if err := verify(chain, roots, *usage, *name, at); err != nil {
		fail(1, err)
	}
	fmt.Println("OK")
}
