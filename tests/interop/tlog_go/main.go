// Command tlog_go checks a log's directory with the Go project's own packages for signed notes and tiled logs.
//
//	tlog_go DIRECTORY VKEY
//
// It verifies the checkpoint, recomputes the root from the entries, authenticates every hash tile against the root,
// and prints a JSON object with proofs that it made itself, and a note that it signed itself, for comparison.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type output struct {
	Origin      string              `json:"origin"`
	Size        int64               `json:"size"`
	Root        []byte              `json:"root"`
	Inclusion   map[string][]string `json:"inclusion"`
	Consistency map[string][]string `json:"consistency"`
	VKey        string              `json:"vkey"`
	SKey        string              `json:"skey"`
	Note        string              `json:"note"`
}

// directory reads tiles from files named as c2sp.org/tlog-tiles names them.
type directory string

func (d directory) Height() int                         { return height }
func (d directory) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := d.read(tile)
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

func (d directory) read(tile tlog.Tile) ([]byte, error) {
	// Go names the height in the path, and entry bundles "data".
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	if rest, ok := strings.CutPrefix(path, "data/"); ok {
		path = "entries/" + rest
	}
	return os.ReadFile(filepath.Join(string(d), "tile", path))
}

// memory holds the hashes that tlog.StoredHashes asks to be stored.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, index := range indexes {
		all = append(all, m[index])
	}
	return all, nil
}

func main() {
	result, err := run(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		os.Exit(1)
	}
}

func run(path, vkey string) (*output, error) {
	dir := directory(path)
	tree, origin, err := checkpoint(path, vkey)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	result := &output{Origin: origin, Size: tree.N, Root: tree.Hash[:]}
	result.Inclusion, result.Consistency = map[string][]string{}, map[string][]string{}
	if err := sign(result); err != nil {
		return nil, err
	}
	if tree.N == 0 {
		return result, nil
	}

	var stored memory
	for n := int64(0); n < tree.N; n += 1 << height {
		width := min(tree.N-n, 1<<height)
		bundle, err := dir.read(tlog.Tile{H: height, L: -1, N: n >> height, W: int(width)})
		if err != nil {
			return nil, err
		}
		for i := range width {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return nil, fmt.Errorf("entry %d is cut short", n+i)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			hashes, err := tlog.StoredHashes(n+i, bundle[2:end], stored)
			if err != nil {
				return nil, err
			}
			stored = append(stored, hashes...)
			bundle = bundle[end:]
		}
		if len(bundle) != 0 {
			return nil, fmt.Errorf("bytes after entry %d", n+width-1)
		}
	}
	root, err := tlog.TreeHash(tree.N, stored)
	if err != nil {
		return nil, err
	}
	if root != tree.Hash {
		return nil, fmt.Errorf("the entries lead to another root")
	}

	// This reader proves every tile it reads against the root.
	tiles := tlog.TileHashReader(tree, dir)
	for n := range tree.N {
		index := tlog.StoredHashIndex(0, n)
		hashes, err := tiles.ReadHashes([]int64{index})
		if err != nil {
			return nil, fmt.Errorf("tiles of entry %d: %w", n, err)
		}
		if hashes[0] != stored[index] {
			return nil, fmt.Errorf("entry %d has another hash in its tile", n)
		}
	}
	for _, n := range []int64{0, tree.N / 3, tree.N - 1} {
		proof, err := tlog.ProveRecord(tree.N, n, tiles)
		if err != nil {
			return nil, err
		}
		result.Inclusion[strconv.FormatInt(n, 10)] = encode(proof)
	}
	for _, n := range []int64{1, tree.N/2 + 1, tree.N} {
		if n > tree.N {
			continue
		}
		proof, err := tlog.ProveTree(tree.N, n, tiles)
		if err != nil {
			return nil, err
		}
		result.Consistency[strconv.FormatInt(n, 10)] = encode(proof)
	}
	return result, nil
}

func checkpoint(path, vkey string) (tlog.Tree, string, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, "", err
	}
	data, err := os.ReadFile(filepath.Join(path, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, "", err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, "", err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return tlog.Tree{}, "", fmt.Errorf("not three lines under the key's name")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, "", err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, lines[0], err
}

func sign(result *output) error {
	skey, vkey, err := note.GenerateKey(rand.Reader, result.Origin)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	root := base64.StdEncoding.EncodeToString(result.Root)
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", result.Origin, result.Size, root)}, signer)
	result.SKey, result.VKey, result.Note = skey, vkey, string(signed)
	return err
}

func encode[T ~[]tlog.Hash](proof T) []string {
	all := []string{}
	for _, hash := range proof {
		all = append(all, base64.StdEncoding.EncodeToString(hash[:]))
	}
	return all
}
