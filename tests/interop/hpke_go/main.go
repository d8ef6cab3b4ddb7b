// Seals and opens with Go's own HPKE what exchange_node/trust/sealing.py opens and seals.
//
// One JSON object a line: {"do": "seal"|"open", "suite", "seed", "info", "text"}, binary values in hex. A line with
// "text" in the answer is the sealed or opened text, one with "error" a refusal.
package main

import (
	"bufio"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

type question struct {
	Do, Seed, Info, Text string
	Suite                byte
}

func private(suite byte, seed []byte) (hpke.PrivateKey, error) {
	switch suite {
	case 1:
		raw := sha3.SumSHAKE256(append([]byte("exchange-node sealing x25519 v1"), seed...), 32)
		return hpke.DHKEM(ecdh.X25519()).NewPrivateKey(raw)
	case 2:
		return hpke.MLKEM768X25519().NewPrivateKey(seed)
	}
	return nil, fmt.Errorf("suite %d", suite)
}

func answer(q question) (map[string]string, error) {
	var parts [3][]byte
	for i, text := range []string{q.Seed, q.Info, q.Text} {
		raw, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		parts[i] = raw
	}
	seed, info, text := parts[0], parts[1], parts[2]
	key, err := private(q.Suite, seed)
	if err != nil {
		return nil, err
	}
	kdf, aead := hpke.HKDFSHA256(), hpke.AES256GCM()
	public := append([]byte{q.Suite}, key.PublicKey().Bytes()...)
	var out []byte
	switch {
	case q.Do == "seal":
		out, err = hpke.Seal(key.PublicKey(), kdf, aead, info, text)
		out = append([]byte{q.Suite}, out...)
	case q.Do == "open" && len(text) > 0 && text[0] == q.Suite:
		out, err = hpke.Open(key, kdf, aead, info, text[1:])
	default:
		err = fmt.Errorf("not understood")
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{"text": hex.EncodeToString(out), "public": hex.EncodeToString(public)}, nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q question
		err := json.Unmarshal(lines.Bytes(), &q)
		var result map[string]string
		if err == nil {
			result, err = answer(q)
		}
		if err != nil {
			result = map[string]string{"error": err.Error()}
		}
		encoded, _ := json.Marshal(result)
		fmt.Println(string(encoded))
	}
}
